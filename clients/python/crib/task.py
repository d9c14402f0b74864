# SPDX-License-Identifier: Apache-2.0
"""A task of the daemon."""

import errno
import io
import signal as signals
import threading
import time

from .errors import Error
from .messages import Event, Message, Result
from .proto import executor_pb2
from .streams import CHUNK, WAIT_MS, Reader, Writer

EXITED = executor_pb2.ENDING  # as others see it: there is a result
EVENTS = 64  # at most in one answer
HOUR_MS = 3_600_000
READ_AHEAD = 256 * 1024


class Task:
    """A program in its sandbox. Made by Client.spawn(), fork() and task().

    id       its number at the daemon
    pid      of the sandbox's first process, in the daemon's pid namespace; 0 when not known yet
    stdin    a Writer, or None where fd 0 is no pipe
    stdout   a file object of bytes (io.BufferedReader), or None
    stderr   the same

    All methods may be called from any thread.
    """

    def __init__(self, client, number, pid, pipes, *, written=0, offsets=None, sent=0, received=0):
        self.id = number
        self.pid = pid
        self._client = client
        self._sending = threading.Lock()
        self._receiving = threading.Lock()
        self._sent = sent
        self._received = received
        self._watched = False
        offsets = offsets or {}
        self._readers = {n: self.reader(n, offsets.get(n, 0)) for n in pipes if n != 0}
        self.stdin = Writer(client.ask, number, written) if 0 in pipes else None
        self.stdout = self._readers.get(1)
        self.stderr = self._readers.get(2)

    def __repr__(self):
        return f"<crib.Task {self.id}>"

    def stream(self, number):
        """The file object of another piped fd; None."""
        return self._readers.get(number)

    def reader(self, number, offset):
        """A new file object that reads a stream from an offset on.

        Asking for an offset lets the daemon forget all before it, except of a detached task, which
        keeps its last bytes: there one can go back.
        """
        return io.BufferedReader(Reader(self._client.ask, self.id, number, offset), READ_AHEAD)

    # -- how it goes, and ends

    def wait(self, timeout=None):
        """Waits until the program has ended. Return: its Result.

        timeout   seconds; then TimeoutError, and the task runs on

        A task whose output nobody reads waits for that, as it would with a pipe.
        """
        answer = self.wait_quietly(timeout)
        if answer is None:
            raise TimeoutError(f"task {self.id} still runs after {timeout} s")
        self._watch_end(answer.state)
        return Result.of(answer.result)

    def poll(self):
        """Return: its Result; None while it runs."""
        answer = self.wait_quietly(0)
        return Result.of(answer.result) if answer else None

    def events(self, after=0):
        """Yields Events from the number `after` on, as they happen, until the task is over."""
        state = executor_pb2.STARTING
        while state != executor_pb2.ENDED or answer.events:
            answer = self._client.ask("Wait", task=self.id, after=after, wait=WAIT_MS)
            if answer.lost:
                yield Event(after + 1, "lost", count=answer.lost)
            for message in answer.events:
                yield Event.of(message)
                after = message.number
            state = answer.state
            self.pid = answer.pid or self.pid

    def denials(self):
        """Yields Denials as they happen, until the task is over."""
        return (event.denial for event in self.events() if event.kind == "denied")

    def kill(self, signal=signals.SIGTERM):
        """Sends a signal. SIGKILL ends everything that the task has started, too."""
        self._client.ask("Kill", task=self.id, signal=int(signal))

    def abort(self):
        """Sends the task's kill_signal, and SIGKILL a second later."""
        self._client.ask("Kill", task=self.id, abort=True)

    def forget(self):
        """The daemon need not remember it any more. It must have ended.

        Tasks are also forgotten with the connection, detached ones some time after their end.
        """
        self._client.ask("Forget", task=self.id)

    def inspect(self):
        """Return: a crib.proto InspectResponse: state, streams, counters, the plan as YAML."""
        return self._client.ask("Inspect", task=self.id)

    def wait_quietly(self, timeout=None):
        """Return: a WaitResponse with a result; None when there is none in time."""
        deadline = time.monotonic() + (timeout or 0)
        after = 0
        while True:
            left = max(0, deadline - time.monotonic())
            wait = WAIT_MS if timeout is None else min(WAIT_MS, int(left * 1000))
            answer = self._client.ask("Wait", task=self.id, after=after, until=EXITED, wait=wait)
            self.pid = answer.pid or self.pid
            if answer.state >= EXITED:
                return answer
            if answer.events:
                after = answer.events[-1].number
            if timeout is not None and left == 0 and len(answer.events) < EVENTS:
                return None

    def _watch_end(self, state):
        """A task counts against the quota until its client was told that nothing of it is left."""
        if self._watched or state == executor_pb2.ENDED:
            return
        self._watched = True
        self._client.start("Wait", task=self.id, until=executor_pb2.ENDED, wait=HOUR_MS)

    # -- its terminal

    def resize(self, rows, columns):
        """Sets the size of its terminal."""
        self._client.ask("Resize", task=self.id, rows=rows, columns=columns)

    def terminal(self):
        """Return: a descriptor of its terminal's master, the caller's. Streams of it are over then."""
        return self._client.fd_side().take(self.id, "PTY")[0]

    # -- messages

    def send(self, type, data=b"", fds=()):
        """Sends a message to a forked task. fds: borrowed descriptors that travel with it."""
        view = memoryview(data).cast("B")
        names = self._client.fd_side().register(fds) if fds else []
        try:
            with self._sending:
                self._send_chunks(type, view, names)
        finally:
            if names:
                self._client.fd_side().release(names)

    def _send_chunks(self, type, view, names):
        number, offset, last = self._sent + 1, 0, False
        while not last:
            chunk = bytes(view[offset:offset + CHUNK])
            last = offset + len(chunk) == len(view)
            self._send_chunk(message=number, offset=offset, last=last,
                             type=type if offset == 0 else "", data=chunk,
                             fds=names if last else [])
            offset += len(chunk)
        self._sent = number

    def _send_chunk(self, **fields):
        while True:
            try:
                return self._client.ask("Send", task=self.id, wait=WAIT_MS, **fields)
            except Error as error:
                if error.code != -errno.EAGAIN:
                    raise  # else the task does not read: it may again

    def receive(self, timeout=None):
        """Waits for the next message. Return: a Message; None when the channel has ended.

        timeout   seconds; then TimeoutError
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._receiving:
            number, data = self._received + 1, bytearray()
            while True:
                wait = WAIT_MS
                if deadline is not None and not data:
                    wait = max(0, min(WAIT_MS, int((deadline - time.monotonic()) * 1000)))
                answer = self._client.ask("Receive", task=self.id, message=number, offset=len(data),
                                          wait=wait)
                if answer.message:
                    data += answer.data
                    if answer.last:
                        return self._received_all(number, answer, data)
                elif answer.end:
                    return None
                elif deadline is not None and time.monotonic() >= deadline:
                    raise TimeoutError(f"task {self.id}: no message after {timeout} s")

    def _received_all(self, number, answer, data):
        fds = self._client.fd_side().take(self.id, "MESSAGE", number) if answer.fds else []
        self._received = number
        return Message(answer.type, bytes(data), fds)

    def messages(self):
        """Yields Messages until the channel has ended."""
        while True:
            message = self.receive()
            if message is None:
                return
            yield message

    def disconnect(self):
        """Ends the channel, after all that was sent."""
        with self._sending:
            self._send_chunk(message=self._sent + 1, disconnect=True)


def collect(task, max_buffer):
    """Reads stdout and stderr of a task to their ends. Return: (bytes, bytes).

    Past max_buffer bytes of one of them the task is killed.
    """
    kept = {1: bytearray(), 2: bytearray()}
    failed = []

    def read(number):
        try:
            for part in iter(lambda: task.stream(number).read1(), b""):
                kept[number] += part
                if len(kept[number]) > max_buffer:
                    task.kill(signals.SIGKILL)
                    raise Error(f"more than {max_buffer} bytes of output", code=-errno.ENOBUFS,
                                step="output")
        except Exception as error:  # told in the caller's thread
            failed.append(error)

    other = threading.Thread(target=read, args=(2,), daemon=True)
    other.start()
    read(1)
    other.join()
    if failed:
        raise failed[0]
    return bytes(kept[1]), bytes(kept[2])
