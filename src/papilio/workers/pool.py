"""Worker processes and what they say, as one stream of messages."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import cloudpickle

from papilio.errors import RunFailed
from papilio.files import storage_errors
from papilio.settings.references import OwnFunctions
from papilio.workers.messages import ENDINGS, GONE, Task

FAILED_STARTS = 3
SECONDS_TO_END = 2.0


@dataclass(eq=False)
class Worker:
    """A process, the line to it, and the task that it is at."""

    process: subprocess.Popen[bytes]
    connection: Connection
    task: Task | None = None
    is_ready: bool = False


class Pool:
    """As many workers as asked for; one that dies is replaced, and its task is handed back as ("died", ...)."""

    def __init__(self, num_workers: int, *, threads: int, own: OwnFunctions, log: Path) -> None:
        self.threads = threads
        self.own_bytes = cloudpickle.dumps(dict(own))
        self.log = log
        self.failed_starts = 0
        self.workers: list[Worker] = []
        try:
            for _ in range(num_workers):
                self.workers.append(self._start())
        except BaseException:
            self.close()
            raise

    def idle(self) -> list[Worker]:
        """Workers that wait for a task."""
        return [worker for worker in self.workers if worker.is_ready and worker.task is None]

    def is_busy(self) -> bool:
        """Whether any task is under way."""
        return any(worker.task is not None for worker in self.workers)

    def give(self, worker: Worker, task: Task) -> None:
        """Hand a task to an idle worker."""
        worker.task = task
        with contextlib.suppress(*GONE):  # it died just now; `messages` finds out and hands the task back
            worker.connection.send(task)

    def stop(self, runs: Collection[str] | None = None) -> None:
        """Ask the workers that are at these runs (by default at any) to stop after the epoch that they are at."""
        for worker in self.workers:
            if worker.task is not None and (runs is None or worker.task.plan.name in runs):
                with contextlib.suppress(*GONE):
                    worker.connection.send("stop")

    def messages(self, timeout_seconds: float) -> Iterator[tuple[Task, str, Any]]:
        """What came within the time: (task, kind, content). Kinds are step, epoch, ended, cost, error, died.

        Raises RunFailed where workers do not even start.
        """
        ready = wait([worker.connection for worker in self.workers], timeout_seconds)
        for worker in list(self.workers):
            if worker.connection not in ready:
                continue
            try:
                kind, content = worker.connection.recv()
            except GONE:
                task = worker.task
                how = self._replace(worker)
                if task is not None:
                    yield task, "died", how
                continue
            if kind == "ready":
                worker.is_ready = True
                self.failed_starts = 0
                continue
            task = worker.task
            if kind in ENDINGS:
                worker.task = None
            if task is not None:
                yield task, kind, content

    def close(self) -> None:
        """End every worker; one that is at work loses at most its present epoch."""
        for worker in self.workers:
            worker.connection.close()  # it ends itself when it notices, between two steps
        deadline = time.monotonic() + SECONDS_TO_END
        for worker in self.workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        if self.log.exists() and not self.log.stat().st_size:
            self.log.unlink()

    def _start(self) -> Worker:
        ours, theirs = socket.socketpair()
        environment = os.environ | {
            "OMP_NUM_THREADS": str(self.threads),
            "MKL_NUM_THREADS": str(self.threads),
        }
        # found where this process found it, also when it runs from a source folder that is not installed
        environment["PYTHONPATH"] = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        with storage_errors(self.log), self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "papilio.workers.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                env=environment,
                start_new_session=True,
            )
        theirs.close()
        connection = Connection(ours.detach())
        connection.send((sys.path, self.own_bytes))
        return Worker(process, connection)

    def _replace(self, worker: Worker) -> str:
        worker.connection.close()
        status = worker.process.wait()
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        if not worker.is_ready:
            self.failed_starts += 1
            if self.failed_starts >= FAILED_STARTS:
                raise RunFailed(f"the worker processes do not start ({how}); see {self.log}")
        self.workers[self.workers.index(worker)] = self._start()
        return how
