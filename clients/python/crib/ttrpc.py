# SPDX-License-Identifier: Apache-2.0
"""ttrpc: requests out, responses in, over one Unix socket.

A frame is ten bytes, u32 big-endian length, u32 big-endian stream id, u8 type, u8 flags, and the
payload. A thread of the connection reads answers, so any number of calls, of any threads, can be
under way at once.
"""

import concurrent.futures
import errno
import socket
import struct
import threading

from .errors import Code, ConnectionLost, Error
from .proto import task_pb2, ttrpc_pb2

HEADER = struct.Struct(">IIBB")
MAX = 4 * 1024 * 1024
REQUEST, RESPONSE = 1, 2


def receive_exactly(sock, size):
    """Return: `size` bytes; None when the peer is gone."""
    data = bytearray(size)
    view = memoryview(data)
    while view:
        n = sock.recv_into(view)
        if n == 0:
            return None
        view = view[n:]
    return bytes(data)


def error_of(status):
    """The Error of a google.rpc.Status."""
    for detail in status.details:
        if detail.type_url.endswith("/crib.Error"):
            error = Error.of(task_pb2.Error.FromString(detail.value), status.code)
            error.text = error.text or status.message
            return error
    return Error(status.message, status=status.code)


class Connection:
    """A connection to a ttrpc server.

    grace   seconds by which an answer may be later than the deadline that the server was told:
            after that the call fails here
    """

    def __init__(self, path, grace=5.0):
        self.grace = grace
        self._lock = threading.Lock()  # of everything below
        self._sending = threading.Lock()
        self._pending = {}
        self._next = 1
        self._lost = None
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._sock.connect(path)
        except OSError:
            self._sock.close()
            raise
        self._reader = threading.Thread(target=self._read, name="crib", daemon=True)
        self._reader.start()

    def start(self, service, method, payload, timeout=None):
        """Sends a request. Return: a Future of the response's payload. timeout: seconds."""
        request = ttrpc_pb2.Request(service=service, method=method, payload=payload)
        if timeout is not None:
            request.timeout_nano = max(int(timeout * 1e9), 1)
        data = request.SerializeToString()
        if len(data) > MAX:
            raise Error(f"{method}: a request of {len(data)} bytes, at most {MAX} may be",
                        code=-errno.EMSGSIZE, status=Code.INVALID_ARGUMENT)
        future = concurrent.futures.Future()
        with self._sending:  # ids must go up on the wire
            stream = self._register(future)
            try:
                self._sock.sendall(HEADER.pack(len(data), stream, REQUEST, 0) + data)
            except OSError as error:
                self._lose(f"the daemon is gone: {error.strerror or error}")
        return future

    def call(self, service, method, payload, timeout=None):
        """Sends a request and waits for its answer. Return: the response's payload."""
        future = self.start(service, method, payload, timeout)
        try:
            return future.result(None if timeout is None else timeout + self.grace)
        except concurrent.futures.TimeoutError:
            raise Error(f"{method}: no answer came in time", code=-errno.ETIMEDOUT,
                        status=Code.DEADLINE_EXCEEDED) from None

    def close(self):
        """Closes; what is under way fails with ConnectionLost."""
        self._lose("the connection was closed")
        if threading.current_thread() is not self._reader:
            self._reader.join()

    def _register(self, future):
        with self._lock:
            if self._lost:
                raise self._lost
            stream = self._next
            if stream > 0xFFFFFFFF:
                raise Error("no stream id is left: connect anew", status=Code.UNAVAILABLE)
            self._next += 2
            self._pending[stream] = future
        return stream

    def _lose(self, why):
        with self._lock:
            self._lost = self._lost or ConnectionLost(why, code=-errno.ECONNRESET,
                                                      status=Code.UNAVAILABLE)
            pending, self._pending = self._pending, {}
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        for future in pending.values():
            future.set_exception(self._lost)

    def _read(self):
        why = "the daemon has closed the connection"
        try:
            while self._read_frame():
                pass
        except OSError as error:
            why = f"the daemon is gone: {error.strerror or error}"
        except Exception as error:  # whatever it is, nobody may wait for ever
            why = f"the daemon sent what is not understood: {error}"
        self._lose(why)
        self._sock.close()

    def _read_frame(self):
        header = receive_exactly(self._sock, HEADER.size)
        if header is None:
            return False
        length, stream, kind, _ = HEADER.unpack(header)
        if length > MAX or kind != RESPONSE:
            raise ValueError(f"a frame of type {kind} and {length} bytes")
        data = receive_exactly(self._sock, length)
        if data is None:
            return False
        response = ttrpc_pb2.Response.FromString(data)
        error = error_of(response.status) if response.status.code else None
        with self._lock:
            future = self._pending.pop(stream, None)
        if future and error:
            future.set_exception(error)
        elif future:
            future.set_result(response.payload)
        return True
