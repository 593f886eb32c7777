"""Thousands of inputs on several processes, each of which is replaced when an input takes it down."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import random
import resource
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.faults.generators import GENERATORS
from tests.faults.harness import GIVEN_UP, Fault, Outcome, Verdict, own_seconds, try_apart, try_here, warm_up
from tests.faults.own_files import TRAINING_SECONDS

START_SECONDS = 120.0
# for an answer: an input may hang where no alarm reaches it
WAIT_SECONDS = GIVEN_UP * TRAINING_SECONDS + START_SECONDS
STUCK_SECONDS = WAIT_SECONDS - 10  # after which where it hangs is noted


@dataclass(frozen=True)
class Job:
    """An input by its generator and number, which make it again anywhere."""

    generator: str
    seed: int
    number: int
    is_apart: bool = False

    @property
    def name(self) -> str:
        return f"{self.generator}/{self.seed}/{self.number}"

    def fault(self) -> Fault:
        return GENERATORS[self.generator](random.Random(self.name))


@dataclass
class Worker:
    """A process that tries one input at a time; `job` is what it is at, until `deadline` by the process' own clock."""

    process: BaseProcess
    pipe: Connection
    stack: Path  # where it hangs
    job: Job | None = None
    deadline: float = 0.0

    def take(self, job: Job, *, seconds: float) -> None:
        self.pipe.send(job)
        self.job, self.deadline = job, own_seconds(self.pid) + seconds

    @property
    def pid(self) -> int:
        assert self.process.pid is not None  # it was started
        return self.process.pid

    def is_late(self) -> bool:
        return own_seconds(self.pid) >= self.deadline

    def end(self) -> None:
        self.pipe.close()
        self.process.join(timeout=0 if self.job else 5)
        self.process.kill()
        self.process.join()
        self.stack.unlink(missing_ok=True)


def run_campaign(jobs: Sequence[Job], *, num_workers: int) -> Iterator[tuple[Job, Outcome]]:
    """Each job with its outcome, as they come."""
    waiting = list(reversed(jobs))
    workers = [_start() for _ in range(min(num_workers, len(waiting)))]
    try:
        for worker in workers:
            worker.take(waiting.pop(), seconds=START_SECONDS + WAIT_SECONDS)
        while any(worker.job for worker in workers):
            ready = wait([worker.pipe for worker in workers if worker.job], timeout=1.0)
            for index, worker in enumerate(workers):
                if worker.job is None or (worker.pipe not in ready and not worker.is_late()):
                    continue
                job, outcome = worker.job, _heard(worker)
                seconds = WAIT_SECONDS
                if outcome is None:
                    outcome = _lost(worker)
                    worker.end()
                    workers[index] = worker = _start()
                    seconds += START_SECONDS
                worker.job = None
                if waiting:
                    worker.take(waiting.pop(), seconds=seconds)
                yield job, outcome
    finally:
        for worker in workers:
            worker.end()


def _heard(worker: Worker) -> Outcome | None:
    try:
        return worker.pipe.recv() if worker.pipe.poll() else None
    except (EOFError, ConnectionResetError):
        return None


def _lost(worker: Worker) -> Outcome:
    """The outcome of an input that took the process down, or that it never came back from."""
    assert worker.job is not None
    if worker.process.is_alive() and worker.is_late():
        where = worker.stack.read_text()
        return Outcome(worker.job.name, 1, "", f"{where}no answer", WAIT_SECONDS, 0, Verdict.HANG)
    worker.process.join(timeout=5)
    status = worker.process.exitcode or 1
    return Outcome(worker.job.name, status, "", f"the process ended with status {status}", 0.0, 0, Verdict.WRONG_EXIT)


def _start() -> Worker:
    here, there = multiprocessing.Pipe()
    handle, stack = tempfile.mkstemp(prefix="faults-stack-")
    os.close(handle)
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(there, stack), daemon=True)
    process.start()
    there.close()
    return Worker(process, here, Path(stack))


def _work(pipe: Connection, stack: str) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="faults-cache-", ignore_cleanup_errors=True) as cache,
        Path(stack).open("w") as stack_file,
    ):
        os.environ |= {"PAPILIO_CACHE": cache, "OMP_NUM_THREADS": "1"}
        warm_up()
        base_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        while True:
            try:
                job = pipe.recv()
            except EOFError:
                return
            faulthandler.dump_traceback_later(STUCK_SECONDS, file=stack_file)
            outcome = try_job(job, base_bytes=base_bytes)
            faulthandler.cancel_dump_traceback_later()
            pipe.send(outcome)


def try_job(job: Job, *, base_bytes: int = 0) -> Outcome:
    """What came of an input; where making it fails, that is an error of its generator."""
    try:
        fault = job.fault()
        if job.is_apart and not callable(fault.attempt):
            return try_apart(fault, base_bytes=base_bytes)
        return try_here(fault)
    except Exception:  # what the attempt itself raises is in its outcome
        return Outcome(job.name, 1, "", traceback.format_exc(), 0.0, 0, Verdict.GENERATOR)
