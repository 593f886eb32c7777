"""Workers that are copies of the command's own process, made as soon as it has imported torch.

A worker that starts as a program of its own imports torch once more, which takes it two seconds of a core: as long as a small
run trains. A copy has it already. But a process can be copied safely only while nothing runs in it but the thread that copies,
and before torch has computed anything: its threads would be missing in the copy. So this is done on Linux, for studies on the
CPU without code of their own, in a process that has not imported torch before; all others start their workers as programs.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType

from papilio.workers.messages import GONE

SECONDS_BETWEEN_LOOKS = 0.01  # at whether a process has ended
THREADS = Path("/proc/self/task")
# what a worker needs, imported before it is copied
MODULES = (
    "papilio.training.torch_engine",
    "papilio.training.supervised",
    "papilio.runs.train",
    "papilio.workers.sharing",
    "papilio.workers.worker",
)


class ForkedProcess:
    """A copy of this process, with what a pool asks of a process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None  # below 0: the signal that ended it

    def poll(self) -> int | None:
        """The exit status, None while it runs."""
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # gone, its status with it: whoever began this process ignores SIGCHLD
                self.returncode = 0
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once it has ended; raises TimeoutError where that takes longer than so many seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"process {self.pid} has not ended after {timeout} seconds")
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return status

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class SpareWorkers:
    """Copies of this process that wait for a pool to take them; a context, at whose end those that are left go.

    To be made before torch is imported: that it was not is how one knows that nothing has been computed with it yet.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[ForkedProcess, Connection]] = []
        self.num_threads = None if "torch" in sys.modules else _count_threads()

    def __enter__(self) -> SpareWorkers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, connection in self.waiting:
            connection.close()
        for process, _ in self.waiting:
            process.wait()
        self.waiting.clear()

    def fork(self, num: int) -> None:
        """Copy this process so many times, where that is safe."""
        if self.num_threads is None:
            return
        for name in MODULES:
            importlib.import_module(name)
        for _ in range(num):
            # fewer are the linear algebra library's, which ends its own before a copy is made
            if threading.active_count() > 1 or (_count_threads() or 0) > self.num_threads:
                return
            try:
                self.waiting.append(self._fork())
            except OSError:  # too many processes, or too little memory: a pool starts workers of its own
                return

    def take(self, log: Path, own_bytes: bytes, *, threads: int) -> tuple[ForkedProcess, Connection] | None:
        """One that has been told what to do, None where there is none (left)."""
        while self.waiting:
            process, connection = self.waiting.pop(0)
            try:
                connection.send((str(log), own_bytes, threads))
            except GONE:  # somebody ended it
                connection.close()
                process.wait()
                continue
            return process, connection
        return None

    def _fork(self) -> tuple[ForkedProcess, Connection]:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # from Python 3.12 on it warns of any other thread: the linear algebra library's, which it ends before and restarts
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                pid = os.fork()
            except OSError:
                ours.close()
                theirs.close()
                raise
        if pid:
            theirs.close()
            return ForkedProcess(pid), Connection(ours.detach())
        try:
            ours.close()
            for _, connection in self.waiting:  # a line that a copy holds, too, is never seen to be hung up
                connection.close()
            _serve(Connection(theirs.detach()))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)


def _serve(connection: Connection) -> None:
    """What a copy does: nothing of what this process would have done, but a worker's tasks until the parent hangs up."""
    from threadpoolctl import threadpool_limits

    from papilio.workers.worker import serve

    os.setsid()  # a Ctrl-C in the terminal is for the parent
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _redirect(Path(os.devnull), streams=(0, 1, 2))
    with suppress(*GONE):
        log, own_bytes, threads = connection.recv()
        _redirect(Path(log), streams=(1, 2))
        threadpool_limits(threads)
        serve(connection, own_bytes)


def _redirect(path: Path, *, streams: tuple[int, ...]) -> None:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in streams:
        os.dup2(file, stream)
    os.close(file)


def _count_threads() -> int | None:
    """The threads of this process, None where that is not known."""
    return len(list(THREADS.iterdir())) if THREADS.is_dir() else None
