# SPDX-License-Identifier: Apache-2.0
"""A task's streams as file objects."""

import io
import threading

from .errors import Code, Error, OutputLost

CHUNK = 1024 * 1024  # bytes of one call
WAIT_MS = 30_000  # a call that waits, waits so long at most, and is repeated


class Reader(io.RawIOBase):
    """Bytes of a stream, pulled as they are read: who does not read makes the task wait.

    offset   of the next byte to be read
    """

    def __init__(self, ask, task, stream, offset=0):
        super().__init__()
        self._ask = ask
        self._task = task
        self._stream = stream
        self.offset = offset

    def readable(self):
        return True

    def readinto(self, buffer):
        """Fills some of the buffer, waiting for at least one byte. Return: bytes; 0 at the end.

        Raises OutputLost when bytes are gone; the next read goes on behind them.
        """
        while len(buffer):
            answer = self._ask("Read", task=self._task, stream=self._stream, offset=self.offset,
                               max=min(len(buffer), CHUNK), wait=WAIT_MS)
            if answer.lost:
                asked, self.offset = self.offset, self.offset + answer.lost
                raise OutputLost(asked, answer.lost)
            if answer.data:
                buffer[:len(answer.data)] = answer.data
                self.offset = answer.offset + len(answer.data)
                return len(answer.data)
            if answer.end:
                break
        return 0


class Writer(io.RawIOBase):
    """A task's stdin. write() returns when all of it is taken; close() is the end of the input.

    offset   of the next byte to be written
    """

    def __init__(self, ask, task, offset=0):
        super().__init__()
        self._ask = ask
        self._task = task
        self._lock = threading.Lock()
        self.offset = offset

    def writable(self):
        return True

    def write(self, data):
        view = memoryview(data).cast("B")
        with self._lock:
            if self.closed:
                raise ValueError("write to closed stdin")
            begin = self.offset
            while self.offset < begin + len(view):
                done = self.offset - begin
                self.offset = self._write(bytes(view[done:done + CHUNK]))
        return len(view)

    def _write(self, chunk):
        try:
            answer = self._ask("Write", task=self._task, offset=self.offset, data=chunk, wait=WAIT_MS)
        except Error as error:
            if error.status == Code.FAILED_PRECONDITION:
                raise BrokenPipeError(-error.code, error.text) from error
            raise
        return answer.offset

    def close(self):
        with self._lock:
            if self.closed:
                return
            super().close()
            try:
                self._ask("CloseStdin", task=self._task, offset=self.offset)
            except Error as error:
                if error.status not in (Code.FAILED_PRECONDITION, Code.NOT_FOUND):
                    raise  # else the task has ended before its input

    def __del__(self):
        pass  # a task that nobody looks at any more goes on: its stdin stays open
