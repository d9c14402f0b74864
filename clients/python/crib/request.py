# SPDX-License-Identifier: Apache-2.0
"""Options of a spawn, as a SpawnRequest."""

import enum
import os
from dataclasses import dataclass
from typing import Union

from .messages import from_dict
from .proto import executor_pb2, policy_pb2, task_pb2


class Kind(enum.Enum):
    """What a task's descriptor can be connected to, besides files."""

    PIPE = "pipe"
    NULL = "null"
    PTY = "pty"
    INHERIT = "inherit"


PIPE, NULL, PTY, INHERIT = Kind


@dataclass(frozen=True)
class File:
    """A file that the daemon opens with our rights. mode: "read", "write" (made or emptied), "append"."""

    path: Union[str, bytes, os.PathLike]
    mode: str


def bytes_list(values):
    return [os.fsencode(value) for value in values]


def environment(env):
    """NAME=VALUE entries of a mapping."""
    return [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in env.items()]


def policy_of(policy, limits):
    """Return: (name, message); one of them is set, or none."""
    if policy is None or isinstance(policy, str):
        if not limits:
            return policy or "", None
        policy = {"extends": [policy or "default"]}
    message = policy_pb2.Policy()
    message.CopyFrom(from_dict(policy_pb2.Policy, policy))
    if limits:
        message.limits.MergeFrom(from_dict(policy_pb2.Limits, limits))
    return "", message


class Stdio:
    """The stdio entries of a task.

    given     what each descriptor is connected to, by its number
    channel   there is a message channel too, behind all others
    pipes     numbers of those with a stream
    """

    def __init__(self, given, channel=False):
        self.entries = []
        self.pipes = set()
        self._fds = []  # to be registered, for
        self._given = []  # these entries
        for number, what in sorted(given.items()):
            self.entries.append(self._entry(number, NULL if what is None else what))
        if channel:
            self.entries.append(task_pb2.Stdio(fd=max(3, *(n + 1 for n in given)), kind="channel"))

    def _entry(self, number, what):
        entry = task_pb2.Stdio(fd=number)
        if what is INHERIT:
            self._give(entry, number)
        elif isinstance(what, Kind):
            entry.kind = task_pb2.Stdio.Kind.Value(what.value)
            if what is not NULL:
                self.pipes.add(number)
        elif isinstance(what, int):
            self._give(entry, what)
        elif hasattr(what, "fileno"):
            if hasattr(what, "flush"):
                what.flush()
            self._give(entry, what.fileno())
        else:
            file = what if isinstance(what, File) else File(what, "write" if number else "read")
            entry.kind = task_pb2.Stdio.file
            entry.path = os.fsencode(file.path)
            entry.mode = task_pb2.Stdio.Mode.Value(file.mode)
        return entry

    def _give(self, entry, fd):
        entry.kind = task_pb2.Stdio.given
        self._fds.append(fd)
        self._given.append(entry)

    def register(self, fd_side):
        """Registers what the task gets from us. fd_side: makes a FdSide. Return: names to release."""
        names = fd_side().register(self._fds) if self._fds else []
        for entry, name in zip(self._given, names):
            entry.name = name
        return names


def mounts_of(binds, tmpfs):
    """binds: paths, or (source, target) or (source, target, "rw"); tmpfs: paths, or {path: bytes}."""
    mounts = []
    for bind in binds:
        source, target, mode = (*bind, "ro")[:3] if isinstance(bind, tuple) else (bind, None, "ro")
        source = os.path.abspath(os.fsencode(source))
        mounts.append(from_dict(policy_pb2.Mount, {
            "type": "bind", "source": source, "target": target or source,
            "write": True if mode == "rw" else None}))
    for target in tmpfs:
        mounts.append(from_dict(policy_pb2.Mount, {
            "type": "tmpfs", "target": target,
            "size": tmpfs[target] if isinstance(tmpfs, dict) else None}))
    return mounts


def make(file, args, stdio, *, policy=None, limits=None, env=None, env_add=None, cwd=None, argv0=None,
         binds=(), tmpfs=(), uid=None, gid=None, timeout=None, kill_signal=None, terminal=None, detached=False, buffer=0, label=""):
    """A SpawnRequest; Client.spawn() explains the options."""
    name, inline = policy_of(policy, limits)
    task = from_dict(task_pb2.Task, {
        "file": file, "args": list(args), "argv0": argv0, "cwd": cwd, "uid": uid, "gid": gid,
        "kill_signal": kill_signal, "policy": inline,
        "timeout": None if timeout is None else max(int(timeout * 1000), 1),
        "mounts": mounts_of(binds, tmpfs), "stdio": stdio.entries,
        "clear_env": True if env is not None else None})
    task.env.extend(environment(env or {}) + environment(env_add or {}))
    if terminal:
        task.terminal.rows, task.terminal.columns = terminal
    return executor_pb2.SpawnRequest(
        task=task, policy=name, detached=detached, cwd=os.getcwdb(), buffer=buffer, label=label,
        env=environment(os.environb))
