# SPDX-License-Identifier: Apache-2.0
"""Protobuf messages from plain values, and plain values from protobuf messages."""

import os
from dataclasses import dataclass, field
from typing import List, Optional

from google.protobuf.message import Message as ProtobufMessage

from .errors import Error
from .proto import task_pb2


def from_dict(cls, value):
    """A message of class `cls` from a dict of its fields; from such a message, itself.

    Unlike in protobuf's JSON, what is bytes in the schema (paths, NAME=VALUE) is given as it is: str,
    bytes or path. Enum values are given by name.
    """
    if isinstance(value, cls):
        return value
    message = cls()
    _fill(message, value)
    return message


def _fill(message, value):
    fields = message.DESCRIPTOR.fields_by_name
    for name, given in value.items():
        if name not in fields:
            raise ValueError(f"{message.DESCRIPTOR.name} has no field `{name}`")
        kind = fields[name]
        if given is None:
            continue
        if isinstance(given, (list, tuple)):
            for item in given:
                if kind.message_type:
                    _fill_message(getattr(message, name).add(), item)
                else:
                    getattr(message, name).append(_scalar(kind, item))
        elif kind.message_type:
            getattr(message, name).SetInParent()
            _fill_message(getattr(message, name), given)
        else:
            setattr(message, name, _scalar(kind, given))


def _fill_message(message, given):
    if isinstance(given, ProtobufMessage):
        message.CopyFrom(given)
    else:
        _fill(message, given)


def _scalar(kind, value):
    if kind.type == kind.TYPE_BYTES:
        return os.fsencode(value)
    if kind.enum_type and isinstance(value, str):
        if value not in kind.enum_type.values_by_name:
            raise ValueError(f"`{kind.name}` has no value `{value}`")
        return kind.enum_type.values_by_name[value].number
    return value


@dataclass(frozen=True)
class Denial:
    """A call that the filter refused."""

    call: str  # "socket"
    text: str  # "socket(domain=AF_INET, type=SOCK_STREAM, protocol=IPPROTO_IP)"
    answer: str  # "EPERM"
    pid: int  # inside the sandbox
    count: int  # so many in a row

    @classmethod
    def of(cls, message):
        return cls(message.call, message.text, message.answer, message.pid, message.count)


@dataclass(frozen=True)
class Receipt:
    """One thing that the sandbox does, as asked and as it came about."""

    mechanism: str
    asked: str
    applied: str


@dataclass(frozen=True)
class Result:
    """How a task ended.

    verdict   "exited", "signaled", "wall_timeout", "cpu_timeout", "memory", "pids", "output", "filter",
              "setup_failed" or "killed"
    status    the exit status; None when there is none
    signal    the signal that ended it; None when none did
    error     why the program never ran (setup_failed); None
    limit     the limit that was reached: "memory", "cpu_time"; "timeout" is the caller's own, "host" the
              host's memory; None
    call      the call that a kill rule of the policy was met by; None
    Times are seconds, memory is bytes: of the whole tree, or, where there are no cgroups, of the
    largest process. peak_pids is 0 where it is not known.
    """

    verdict: str
    status: Optional[int]
    signal: Optional[int]
    error: Optional[Error] = None
    user_time: float = 0.0
    system_time: float = 0.0
    wall_time: float = 0.0
    peak_memory: int = 0
    receipt: List[Receipt] = field(default_factory=list)
    denials: List[Denial] = field(default_factory=list)
    denials_lost: int = 0
    peak_pids: int = 0
    limit: Optional[str] = None
    call: Optional[str] = None

    @classmethod
    def of(cls, message):
        verdict = task_pb2.Result.Verdict.Name(message.verdict)
        return cls(
            verdict=verdict,
            status=message.status if verdict == "exited" else None,
            signal=message.signal or None,
            error=Error.of(message.error) if message.HasField("error") else None,
            user_time=message.usage.user_time / 1e6,
            system_time=message.usage.system_time / 1e6,
            wall_time=message.usage.wall_time / 1e6,
            peak_memory=message.usage.peak_memory,
            receipt=[Receipt(r.mechanism, r.asked, r.applied) for r in message.receipt],
            denials=[Denial.of(d) for d in message.denials],
            denials_lost=message.denials_lost,
            peak_pids=message.usage.peak_pids,
            limit=message.limit or None,
            call=message.call or None)


@dataclass(frozen=True)
class Event:
    """Something that happened to a task.

    kind   "started", "denied" (denial), "error" (error), "exit" (result), "disconnected", or "lost":
           so many events before the next one are no longer kept (count)
    """

    number: int
    kind: str
    denial: Optional[Denial] = None
    error: Optional[Error] = None
    result: Optional[Result] = None
    count: int = 0

    @classmethod
    def of(cls, message):
        event = message.event
        if event.HasField("denied"):
            return cls(message.number, "denied", denial=Denial.of(event.denied))
        if event.HasField("error"):
            return cls(message.number, "error", error=Error.of(event.error))
        if event.HasField("result"):
            return cls(message.number, "exit", result=Result.of(event.result))
        return cls(message.number, "disconnected" if event.disconnected else "started")


@dataclass
class Message:
    """A message from a forked task. Its descriptors are the receiver's to close."""

    type: str
    data: bytes
    fds: List[int] = field(default_factory=list)


@dataclass(frozen=True)
class Output:
    """What exec() returns.

    status   the exit status; a negative signal number where a signal ended the program
    """

    status: int
    stdout: bytes
    stderr: bytes
    result: Result
