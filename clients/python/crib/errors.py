# SPDX-License-Identifier: Apache-2.0
"""What can go wrong: every error of the daemon is an `Error`."""

import enum


class Code(enum.IntEnum):
    """Status codes of gRPC, as the daemon answers with them."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Error(Exception):
    """A call that failed, or why a program never ran.

    text     the sentence a person reads
    code     a negative errno; 0 where there is none
    step     the mechanism or step that failed ("mounts", "exec"); None
    status   the status code of gRPC (Code); None in a task's result
    subject, detail, index   parts of the text; None
    """

    def __init__(self, text, *, code=0, step=None, status=None, subject=None, detail=None, index=None):
        super().__init__(text)
        self.text = text
        self.code = code
        self.step = step
        self.status = status
        self.subject = subject
        self.detail = detail
        self.index = index

    @classmethod
    def of(cls, message, status=None):
        """From a crib.Error."""

        def part(name):
            return getattr(message, name) if message.HasField(name) else None

        return cls(message.text, code=message.code, step=part("step"), status=status,
                   subject=part("subject"), detail=part("detail"), index=part("index"))


class ConnectionLost(Error, ConnectionError):
    """The daemon is gone, or the connection to it was closed."""


class OutputLost(Error):
    """Bytes of a stream are gone: nobody read them in time. Reading can go on behind them.

    offset   of the first byte that is gone
    lost     how many are
    """

    def __init__(self, offset, lost):
        super().__init__(f"{lost} bytes of output from {offset} on are lost", status=Code.DATA_LOSS)
        self.offset = offset
        self.lost = lost
