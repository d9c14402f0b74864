# SPDX-License-Identifier: Apache-2.0
"""The Python client against a server that answers as nobody should."""

import concurrent.futures
import errno
import os
import socket
import struct
import tempfile
import threading
import unittest

import crib
from crib.fdside import FdSide
from crib.proto import channel_pb2, executor_pb2, task_pb2, ttrpc_pb2
from crib.ttrpc import Connection


def receive(conn, size):
    data = b""
    while len(data) < size:
        part = conn.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def frame(stream, payload=b"", status=None, kind=2):
    data = ttrpc_pb2.Response(payload=payload, status=status).SerializeToString()
    return struct.pack(">IIBB", len(data), stream, kind, 0) + data


class Server:
    """Takes one connection and hands it to `talk`."""

    def __init__(self, talk):
        self.dir = tempfile.TemporaryDirectory()
        self.path = f"{self.dir.name}/sock"
        self.talk = talk
        self.failed = None
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self.path)
        self.listening.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        conn, _ = self.listening.accept()
        with conn:
            try:
                self.talk(conn)
            except Exception as error:
                self.failed = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.thread.join(60)
        self.listening.close()
        self.dir.cleanup()
        if self.failed and kind is None:
            raise self.failed


def request(conn):
    """Return: (header, Request) of the next frame."""
    header = struct.unpack(">IIBB", receive(conn, 10))
    return header, ttrpc_pb2.Request.FromString(receive(conn, header[0]))


class Framing(unittest.TestCase):
    def lost(self, answer):
        """Whatever is answered so, all calls fail, and soon."""

        def talk(conn):
            request(conn)
            request(conn)
            answer(conn)

        with Server(talk) as server:
            connection = Connection(server.path)
            calls = [connection.start("s", "m", b"") for _ in range(2)]
            for call in calls:
                with self.assertRaises(crib.ConnectionLost):
                    call.result(60)
            with self.assertRaises(ConnectionError):
                connection.call("s", "m", b"")
            connection.close()

    def test_bytes_of_a_request(self):
        def talk(conn):
            data = receive(conn, 10 + 12)
            self.assertEqual(data, b"\0\0\0\x0c\0\0\0\x01\x01\0" b"\x0a\x01s\x12\x01m\x1a\x01p \xe8\x07")
            conn.sendall(frame(1, b"answer"))
            header, _ = request(conn)
            self.assertEqual(header[1:], (3, 1, 0))
            conn.sendall(frame(3))

        with Server(talk) as server:
            connection = Connection(server.path)
            self.assertEqual(connection.call("s", "m", b"p", timeout=1e-6), b"answer")
            self.assertEqual(connection.call("s", "m", b""), b"")
            connection.close()

    def test_out_of_order_in_pieces(self):
        def talk(conn):
            request(conn)
            request(conn)
            for byte in frame(3, b"second") + frame(99, b"nobody's") + frame(1, b"first"):
                conn.sendall(bytes([byte]))

        with Server(talk) as server:
            connection = Connection(server.path)
            first, second = (connection.start("s", "m", b"") for _ in range(2))
            self.assertEqual((first.result(60), second.result(60)), (b"first", b"second"))
            connection.close()

    def test_many_threads(self):
        def talk(conn):
            seen = 0
            for _ in range(200):
                header, asked = request(conn)
                self.assertGreater(header[1], seen)
                seen = header[1]
                conn.sendall(frame(seen, asked.payload))

        with Server(talk) as server, concurrent.futures.ThreadPoolExecutor(8) as pool:
            connection = Connection(server.path)
            wanted = [str(n).encode() for n in range(200)]
            self.assertEqual(list(pool.map(lambda p: connection.call("s", "m", p), wanted)), wanted)
            connection.close()

    def test_gone_in_the_middle(self):
        self.lost(lambda conn: conn.sendall(frame(1, b"x" * 100)[:50]))

    def test_length_of_4_gib(self):
        self.lost(lambda conn: (conn.sendall(b"\xff\xff\xff\xff\0\0\0\1\2\0"), conn.recv(1)))

    def test_type_unknown(self):
        self.lost(lambda conn: (conn.sendall(frame(1, kind=3)), conn.recv(1)))

    def test_rubbish(self):
        self.lost(lambda conn: (conn.sendall(b"\0\0\0\2\0\0\0\1\2\0\xff\xff"), conn.recv(1)))

    def test_error_detail(self):
        detail = task_pb2.Error(code=-errno.ENOENT, step="mounts", text="mounts[2] /x: not there", index=2)
        status = ttrpc_pb2.Status(code=5, message="short", details=[ttrpc_pb2.Any(
            type_url="type.googleapis.com/crib.Error", value=detail.SerializeToString())])

        def talk(conn):
            request(conn)
            conn.sendall(frame(1, status=status))

        with Server(talk) as server:
            connection = Connection(server.path)
            with self.assertRaises(crib.Error) as caught:
                connection.call("s", "m", b"")
            error = caught.exception
            self.assertEqual((error.code, error.step, error.text, error.status, error.index, error.subject),
                             (-errno.ENOENT, "mounts", "mounts[2] /x: not there", 5, 2, None))
            connection.close()

    def test_no_answer(self):
        def talk(conn):
            self.assertEqual(request(conn)[1].timeout_nano, 10_000_000)
            self.assertEqual(conn.recv(1), b"")

        with Server(talk) as server:
            connection = Connection(server.path, grace=0.01)
            with self.assertRaises(crib.Error) as caught:
                connection.call("s", "m", b"", timeout=0.01)
            self.assertEqual(caught.exception.status, crib.Code.DEADLINE_EXCEEDED)
            connection.close()

    def test_request_too_large(self):
        def talk(conn):
            request(conn)
            conn.sendall(frame(1))

        with Server(talk) as server:
            connection = Connection(server.path)
            with self.assertRaises(crib.Error) as caught:
                connection.call("s", "m", b"x" * (4 << 20))
            self.assertEqual(caught.exception.code, -errno.EMSGSIZE)
            connection.call("s", "m", b"")
            connection.close()


class Descriptors(unittest.TestCase):
    def test_register_and_take(self):
        def reply(conn, fds=(), **fields):
            payload = executor_pb2.FdReply(**fields).SerializeToString()
            data = channel_pb2.Frame(type="FdReply", payload=payload, fds=len(fds)).SerializeToString()
            socket.send_fds(conn, [struct.pack(">I", len(data)) + data], list(fds))

        def talk(conn):
            self.assertEqual(receive(conn, 1), b"\xfd")
            data, fds, _, _ = socket.recv_fds(conn, 4096, 8)
            asked = channel_pb2.Frame.FromString(data[4:])
            self.assertEqual((struct.unpack(">I", data[:4])[0], asked.type, asked.fds, len(fds)),
                             (len(data) - 4, "FdRegister", 2, 2))
            self.assertEqual(len(set(executor_pb2.FdRegister.FromString(asked.payload).names)), 2)
            reply(conn)
            conn.recv(4096)
            reply(conn, fds[:1])
            conn.recv(4096)
            reply(conn, fds, code=5, message="no such task")
            for fd in fds:
                os.close(fd)

        before = len(os.listdir("/proc/self/fd"))
        with Server(talk) as server, tempfile.TemporaryFile() as one, tempfile.TemporaryFile() as two:
            side = FdSide(server.path)
            self.addCleanup(side.close)
            side.register([one.fileno(), two.fileno()])
            fds = side.take(7, "PTY")
            self.assertEqual((os.fstat(fds[0]).st_ino, len(fds)), (os.fstat(one.fileno()).st_ino, 1))
            self.assertFalse(os.get_inheritable(fds[0]))
            os.close(fds[0])
            with self.assertRaises(crib.Error) as caught:
                side.take(7, "CHANNEL")
            self.assertEqual((caught.exception.text, caught.exception.status), ("no such task", 5))
            side.close()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)


if __name__ == "__main__":
    unittest.main()
