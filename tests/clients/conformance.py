# SPDX-License-Identifier: Apache-2.0
"""conformance.py SOCKET MODULE LIST - what conformance.txt lists, with the Python client"""

import errno
import hashlib
import os
import random
import signal
import sys
import tempfile
import threading
import traceback

import crib
from crib.proto import executor_pb2

MIB = 1024 * 1024


def same(got, wanted):
    assert got == wanted, f"got {got!r:.300}, not {wanted!r:.300}"


def fails(call):
    """Return: the Error of it."""
    try:
        call()
    except crib.Error as error:
        return error
    raise AssertionError("it did not fail")


def read_on(task, stream, offset, size=-1):
    with task.reader(stream, offset) as reader:
        return reader.read(size)


class Steps:
    def __init__(self, socket, module):
        self.socket = socket
        self.module = module
        self.client = crib.Client(socket)

    def info(self):
        info = self.client.info()
        assert info.version, "no version"
        assert {"default", "strict"} <= set(info.policies), info.policies
        same(info.peer_uid, os.getuid())

    def streams(self):
        line = 'while read -r l; do echo "out $l"; echo "err $l" >&2; done; exit 3'
        task = self.client.spawn("/bin/sh", ["-c", line])
        task.stdin.write(b"one\ntwo\n")
        task.stdin.close()
        same(list(task.stdout), [b"out one\n", b"out two\n"])
        same(task.stderr.read(), b"err one\nerr two\n")
        result = task.wait()
        same((result.verdict, result.status, result.signal), ("exited", 3, None))
        assert result.receipt and result.wall_time > 0, result

    def large(self):
        block = random.Random(1).randbytes(MIB)
        task = self.client.spawn("cat", stderr=crib.NULL)

        def write():
            for i in range(64):
                task.stdin.write(i.to_bytes(4, "big") + block[4:])
            task.stdin.close()

        writer = threading.Thread(target=write)
        writer.start()
        got, wanted = hashlib.sha256(), hashlib.sha256()
        size = 0
        while data := task.stdout.read1(MIB):
            got.update(data)
            size += len(data)
        writer.join()
        for i in range(64):
            wanted.update(i.to_bytes(4, "big") + block[4:])
        same((size, got.hexdigest()), (64 * MIB, wanted.hexdigest()))
        same(task.wait().status, 0)

    def exec(self):
        done = self.client.exec("cat; echo err >&2; exit 7", input=b"out\n")
        same((done.status, done.stdout, done.stderr), (7, b"out\n", b"err\n"))
        same(self.client.exec("kill -9 $$").status, -signal.SIGKILL)
        same(fails(lambda: self.client.exec("seq 100000", max_buffer=1000)).code, -errno.ENOBUFS)

    def kill(self):
        task = self.client.spawn("sleep", ["1000"])
        same(next(task.events()).kind, "started")
        same(task.poll(), None)
        task.kill(signal.SIGTERM)
        result = task.wait()
        same((result.verdict, result.status, result.signal), ("killed", None, signal.SIGTERM))
        same([event.kind for event in task.events()], ["started", "exit"])

    def timeout(self):
        task = self.client.spawn("sleep", ["1000"], timeout=0.2)
        same(task.wait().verdict, "wall_timeout")

    def setup_failed(self):
        error = fails(lambda: self.client.exec_file("/no/such/program"))
        same(error.code, -errno.ENOENT)
        assert error.step and "/no/such/program" in error.text, (error.step, error.text)

    def messages(self):
        task = self.client.fork(self.module, ["echo"])
        large = random.Random(2).randbytes(3 * MIB)
        for kind, data in (("text", b"hello"), ("none", b""), ("blob", large)):
            task.send(kind, data)
        for kind, data in (("text", b"hello"), ("none", b""), ("blob", large)):
            message = task.receive()
            same((message.type, message.data == data, message.fds), (kind, True, []))
        task.disconnect()
        same(list(task.messages()), [])
        same(task.wait().status, 0)

    def denied(self):
        task = self.client.spawn(self.module, ["socket"])
        text = "socket(domain=AF_INET, type=SOCK_STREAM, protocol=IPPROTO_IP)"
        denial = next(task.denials())
        same((denial.call, denial.text, denial.answer), ("socket", text, "EPERM"))
        same(task.stdout.read(), b"Operation not permitted\n")
        same([d.text for d in task.wait().denials], [text])

    def refused(self):
        policy = {"extends": ["default"], "mounts": [{"source": "/no/such", "target": "/srv"}]}
        error = fails(lambda: self.client.spawn("true", policy=policy))
        same((error.step, error.code), ("mounts", -errno.ENOENT))
        same(error.status, crib.Code.NOT_FOUND)
        assert "/no/such" in error.text, error.text

    def policy(self):
        policy = {"extends": ["default"], "limits": {"open_files": 7}}
        effective = self.client.policy_check(policy)
        same((effective.limits.open_files, list(effective.extends)), (7, []))
        error = fails(lambda: self.client.policy_check({"caps": {"keep": ["CAP_NONE_SUCH"]}}))
        assert "CAP_NONE_SUCH" in error.text, error.text
        assert "/usr/bin/true" in self.client.plan("/usr/bin/true"), "the plan does not name it"
        same(self.client.exec("ulimit -n", limits={"open_files": 77}).stdout, b"77\n")

    def unknown_method(self):
        error = fails(lambda: self.client.connection.call("crib.Executor", "NoSuchMethod", b""))
        same(error.status, crib.Code.UNIMPLEMENTED)
        error = fails(lambda: self.client.connection.call("crib.NoSuchService", "Info", b""))
        same(error.status, crib.Code.UNIMPLEMENTED)

    def deadline(self):
        self.client.connection.grace = 60  # so that it is the daemon that keeps the time
        task = self.client.spawn("sleep", ["1000"])
        error = fails(lambda: self.client.ask(
            "Wait", task=task.id, until=executor_pb2.ENDED, wait=60_000, timeout=0.2))
        same(error.status, crib.Code.DEADLINE_EXCEEDED)
        task.kill(signal.SIGKILL)
        same(task.wait().verdict, "killed")

    def files(self):
        with tempfile.TemporaryDirectory() as dir:
            source, target = f"{dir}/in", f"{dir}/out"
            with open(source, "w") as file:
                file.write("from a file\n")
            for _ in range(2):
                task = self.client.spawn("cat", stdin=source, stdout=crib.File(target, "append"))
                same(task.wait().status, 0)
            with open(target) as file:
                same(file.read(), "from a file\n" * 2)

    def given(self):
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            source.write(b"handed over\n")
            source.seek(0)
            task = self.client.spawn("cat", stdin=source, stdout=target.fileno())
            same((task.stdin, task.stdout, task.wait().status), (None, None, 0))
            target.seek(0)
            same(target.read(), b"handed over\n")

    def passed(self):
        task = self.client.fork(self.module, ["echo"])
        read, write = os.pipe()
        task.send("pipe", b"", fds=[write])
        os.close(write)
        message = task.receive()
        same((message.type, len(message.fds)), ("pipe", 1))
        os.write(message.fds[0], b"through it")
        os.close(message.fds[0])
        same(os.read(read, 100), b"through it")
        os.close(read)
        task.disconnect()
        same(task.wait().status, 0)

    def terminal(self):
        task = self.client.spawn("/bin/sh", ["-c", "stty size; read x; stty size"], stdin=crib.PTY,
                                 stdout=crib.PTY, stderr=crib.PTY, terminal=(31, 97))
        same(task.stdout.readline(), b"31 97\r\n")
        task.resize(33, 99)
        task.stdin.write(b"\n")
        assert b"33 99\r\n" in task.stdout.read(), "the size has not changed"
        same(task.wait().status, 0)

    def list(self):
        task = self.client.spawn("cat", label="a label")
        found = [info for info in self.client.list() if info.task == task.id]
        same([(i.label, i.file, i.policy) for i in found], [("a label", b"cat", "default")])
        same(fails(task.forget).status, crib.Code.FAILED_PRECONDITION)
        task.stdin.close()
        same(task.wait().status, 0)
        task.forget()
        same(fails(task.inspect).status, crib.Code.NOT_FOUND)

    def reconnect(self):
        wanted = b"".join(b"%d\n" % n for n in range(1, 40001))
        with crib.Client(self.socket) as first:
            task = first.spawn("/bin/sh", ["-c", "seq 1 20000; read x; seq 20001 40000"], detached=True)
            begin = read_on(task, 1, 0, 50_000)
            same(len(begin), 50_000)
            number = task.id
        task = self.client.task(number)
        same(task.poll(), None)
        task.stdin.write(b"go on\n")
        rest = read_on(task, 1, len(begin))
        assert begin + rest == wanted, "there is a gap, or something twice"
        same(task.wait().status, 0)
        task.forget()

    def lost(self):
        task = self.client.spawn("seq", ["100000"], detached=True, buffer=4096, stdin=crib.NULL,
                                 stderr=crib.NULL)
        same(task.wait().status, 0)
        wanted = b"".join(b"%d\n" % n for n in range(1, 100001))
        reader = crib.Reader(self.client.ask, task.id, 1)
        error = fails(lambda: reader.read(1))
        same((error.offset, error.lost > 0), (0, True))
        same(reader.offset, error.lost)
        assert reader.readall() == wanted[error.lost:], "not the end of it"
        task.forget()

    def two_clients(self):
        with crib.Client(self.socket) as other:
            theirs = [other.spawn("cat") for _ in range(4)]
            ours = [self.client.spawn("cat") for _ in range(4)]
            for i, (one, two) in enumerate(zip(ours, theirs)):
                one.stdin.write(b"ours %d\n" % i)
                two.stdin.write(b"theirs %d\n" % i)
            for i, task in enumerate(theirs):
                same(task.stdout.readline(), b"theirs %d\n" % i)
        for i, task in enumerate(ours):
            same(task.poll(), None)
            task.stdin.write(b"still\n")
            task.stdin.close()
            same(task.stdout.read(), b"ours %d\nstill\n" % i)
            same(task.wait().status, 0)
        same(type(fails(theirs[0].wait)), crib.ConnectionLost)


def names_of(path):
    """The steps that are ours."""
    names = []
    with open(path) as file:
        for line in file:
            only = line[line.rindex("(") + 1:] if line.rstrip().endswith(")") else "python"
            if line.strip() and line[0] != "#" and "python" in only:
                names.append(line.split()[0])
    return names


def main(socket, module, path):
    steps = Steps(socket, module)
    names = names_of(path)
    failed = 0
    print(f"1..{len(names)}")
    for i, name in enumerate(names, 1):
        try:
            getattr(steps, name.replace("-", "_"))()
            print(f"ok {i} {name}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {i} {name}")
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
    steps.client.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
