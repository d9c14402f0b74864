# SPDX-License-Identifier: Apache-2.0
"""The fd side: a second connection to the daemon, over which file descriptors travel.

Its first byte is 0xFD. Then frames of channel.proto go both ways, u32 big-endian length and a Frame;
descriptors are attached to a frame's first byte. Each request is answered, in order, by one FdReply.
"""

import itertools
import os
import secrets
import socket
import struct
import threading

from .errors import ConnectionLost, Error
from .proto import channel_pb2, executor_pb2

FIRST = b"\xfd"
LENGTH = struct.Struct(">I")
INT = struct.Struct("=i")
MAX = 1024 * 1024
MAX_FDS = 64


def fds_of(control):
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            for fd, in INT.iter_unpack(data[:len(data) - len(data) % INT.size]):
                yield fd


def close_all(fds):
    for fd in fds:
        os.close(fd)


class FdSide:
    """What is registered here lives until it is released, or this is closed."""

    def __init__(self, path):
        self._lock = threading.Lock()
        self._names = (f"py-{os.getpid()}-{secrets.token_hex(6)}-{n}" for n in itertools.count())
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._sock.connect(path)
            self._sock.sendall(FIRST)
        except OSError:
            self._sock.close()
            raise

    def register(self, fds):
        """fds are borrowed. Return: their names."""
        names = [next(self._names) for _ in fds]
        close_all(self._ask(executor_pb2.FdRegister(names=names), fds))
        return names

    def release(self, names):
        close_all(self._ask(executor_pb2.FdRelease(names=names), ()))

    def take(self, task, what, message=0):
        """what: "PTY", "CHANNEL" or "MESSAGE". Return: fds, the caller's."""
        return self._ask(executor_pb2.FdTake(task=task, what=what, message=message), ())

    def close(self):
        self._sock.close()

    def _ask(self, request, fds):
        frame = channel_pb2.Frame(type=request.DESCRIPTOR.name, payload=request.SerializeToString())
        if fds:
            frame.fds = len(fds)
        data = frame.SerializeToString()
        data = LENGTH.pack(len(data)) + data
        with self._lock:
            sent = socket.send_fds(self._sock, [data], list(fds)) if fds else 0
            self._sock.sendall(data[sent:])
            return self._answer()

    def _answer(self):
        fds = []
        try:
            length, = LENGTH.unpack(self._receive(LENGTH.size, fds))
            if length > MAX:
                raise ConnectionLost(f"the fd side sent a frame of {length} bytes")
            frame = channel_pb2.Frame.FromString(self._receive(length, fds))
            reply = executor_pb2.FdReply.FromString(frame.payload)
            if reply.code:
                raise Error(reply.message, status=reply.code)
        except BaseException:
            close_all(fds)
            raise
        return fds

    def _receive(self, size, fds):
        data = b""
        while len(data) < size:
            # socket.recv_fds() takes flags, and drops them
            part, control, _, _ = self._sock.recvmsg(
                size - len(data), socket.CMSG_SPACE(MAX_FDS * INT.size), socket.MSG_CMSG_CLOEXEC)
            fds.extend(fds_of(control))
            if not part:
                raise ConnectionLost("the daemon has closed the fd side")
            data += part
        return data
