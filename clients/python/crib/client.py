# SPDX-License-Identifier: Apache-2.0
"""A connection to cribd."""

import os
import signal as signals
import threading

from . import request
from .errors import Error
from .fdside import FdSide
from .messages import Output, Result, from_dict
from .proto import executor_pb2, policy_pb2
from .task import Task, collect
from .ttrpc import Connection

SERVICE = "crib.Executor"
METHODS = {m.name: (m.input_type._concrete_class, m.output_type._concrete_class)
           for m in executor_pb2.DESCRIPTOR.services_by_name["Executor"].methods}
MAX_BUFFER = 1024 * 1024


class Client:
    """A connection to cribd, for any number of tasks and threads.

    path   of the daemon's socket, also as `unix:PATH`; None: $CRIB_SOCKET, or /run/crib.sock

    Tasks end with the connection that started them, detached ones aside.
    """

    def __init__(self, path=None):
        path = path or os.environ.get("CRIB_SOCKET") or "/run/crib.sock"
        self._path = path[5:] if path.startswith("unix:") else path
        self._lock = threading.Lock()
        self._fd_side = None
        self.connection = Connection(self._path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the connection: its tasks are killed, detached ones aside."""
        self.connection.close()
        with self._lock:
            if self._fd_side:
                self._fd_side.close()
                self._fd_side = None

    def ask(self, method, request=None, timeout=None, **fields):
        """Calls a method of executor.proto. Return: its response message.

        request   the request message; None: it is made from the fields
        timeout   seconds until the daemon answers with DEADLINE_EXCEEDED; None: no deadline
        """
        asked, answered = METHODS[method]
        request = request if request is not None else asked(**fields)
        payload = self.connection.call(SERVICE, method, request.SerializeToString(), timeout)
        return answered.FromString(payload)

    def start(self, method, **fields):
        """The same without waiting. Return: a Future of the packed response."""
        return self.connection.start(SERVICE, method, METHODS[method][0](**fields).SerializeToString())

    def fd_side(self):
        """The connection over which descriptors travel, made when it is first needed."""
        with self._lock:
            if not self._fd_side:
                self._fd_side = FdSide(self._path)
            return self._fd_side

    # -- tasks

    def spawn(self, file, args=(), *, stdin=request.PIPE, stdout=request.PIPE, stderr=request.PIPE,
              fds=None, channel=False, **options):
        """Starts a program. Return: a Task.

        file          a path with a slash, or a name searched in PATH inside the sandbox
        args          without argv[0]; argv0: another one
        stdin, stdout, stderr, fds ({number: …})
                      PIPE; NULL (or None); INHERIT, an open file or a descriptor: the task writes to
                      it itself, through nobody; a path or File(path, mode), opened with our rights;
                      PTY: a terminal of its own, terminal: its (rows, columns)
        policy        a name, or an inline policy as a dict or message; None: `default`
        limits        a dict of policy.proto's Limits, to tighten the policy with
        env           the whole environment, a mapping; None: what the policy passes of ours
        env_add       added to it
        cwd           inside the sandbox
        binds         host paths to be seen inside: path, (source, target) or (source, target, "rw")
        tmpfs         empty directories in memory: paths, or {path: bytes}
        uid, gid      host ids
        timeout       seconds of wall time; then kill_signal (SIGTERM), and SIGKILL a second later
        channel       True: with a message channel
        detached      True: it outlives the connection; Client.task() finds it again
        buffer        bytes of each stream that the daemon keeps
        label         free text for list()

        Raises Error when it cannot be started. What fails in the sandbox later makes a Result with
        verdict `setup_failed`.
        """
        stdio = request.Stdio({0: stdin, 1: stdout, 2: stderr, **(fds or {})}, channel)
        names = stdio.register(self.fd_side)
        try:
            answer = self.ask("Spawn", request.make(file, args, stdio, **options))
        finally:
            if names:
                self.fd_side().release(names)
        return Task(self, answer.task, answer.pid, stdio.pipes)

    def fork(self, file, args=(), *, stdin=request.NULL, stdout=request.NULL, stderr=request.NULL,
             **options):
        """Starts a program that uses crib/child.h, with a message channel. Return: a Task."""
        return self.spawn(file, args, stdin=stdin, stdout=stdout, stderr=stderr, channel=True, **options)

    def exec_file(self, file, args=(), *, input=b"", max_buffer=MAX_BUFFER, check=False, **options):
        """Runs a program to its end. Return: an Output: status, stdout, stderr, result.

        input        what it gets on stdin
        max_buffer   bytes of stdout, and of stderr; a program that says more is killed: Error
        check        True: an Error when it did not exit with 0

        A program that never ran is an Error.
        """
        task = self.spawn(file, args, stdin=request.PIPE if input else request.NULL, **options)
        feeder = threading.Thread(target=_feed, args=(task, input), daemon=True)
        if input:
            feeder.start()
        try:
            stdout, stderr = collect(task, max_buffer)
            result = Result.of(task.wait_quietly().result)
            if input:
                feeder.join()
        finally:
            _end(task)
        if result.error:
            raise result.error
        status = result.status if result.status is not None else -(result.signal or 0)
        if check and status != 0:
            raise Error(f"{os.fsdecode(file)}: {result.verdict}, status {status}", step="exec")
        return Output(status, stdout, stderr, result)

    def exec(self, line, *, shell="/bin/sh", **options):
        """Runs a command line through the shell inside the sandbox, as exec_file()."""
        return self.exec_file(shell, ["-c", line], **options)

    def task(self, number):
        """A Task by its number: a detached one after a new connection. Streams begin at the oldest
        byte that is kept; Task.reader() goes on from another."""
        found = self.ask("Inspect", task=number)
        offsets = {s.stream: s.first for s in found.streams}
        return Task(self, number, found.info.pid, set(offsets) | {0}, written=found.written,
                    offsets=offsets, sent=found.messages_sent, received=found.messages_received)

    # -- the daemon

    def info(self):
        """Return: an InfoResponse: version, policies that we may use, quotas."""
        return self.ask("Info")

    def list(self):
        """Yields a TaskInfo for each of our tasks."""
        after, more = 0, True
        while more:
            answer = self.ask("List", after=after)
            yield from answer.tasks
            more = answer.more and answer.tasks
            after = answer.tasks[-1].task if answer.tasks else after

    def policy_check(self, policy):
        """May this policy, a name or an inline one, be used? Return: the effective Policy message."""
        if isinstance(policy, str):
            answer = self.ask("PolicyCheck", name=policy)
        else:
            answer = self.ask("PolicyCheck", policy=from_dict(policy_pb2.Policy, policy))
        if not answer.ok:
            raise Error.of(answer.error)
        return answer.effective

    def plan(self, file, args=(), **options):
        """What spawn() would do, as YAML of plan.proto."""
        asked = request.make(file, args, request.Stdio({0: request.PIPE}), **options)
        return self.ask("Plan", spawn=asked).plan


def _feed(task, data):
    try:
        task.stdin.write(data)
        task.stdin.close()
    except (OSError, Error):
        pass  # it did not want all of it


def _end(task):
    """Whatever came, the task is over, and the daemon need not remember it."""
    try:
        try:
            task.forget()
        except Error:
            task.kill(signals.SIGKILL)
            task.wait_quietly()
            task.forget()
    except Error:
        pass  # forgotten already, or the daemon is gone: which has been told
