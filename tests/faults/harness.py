"""One damaged or odd input, tried as a user would try it, and what came of it.

A generator is a function of a `random.Random` that gives a Fault: the same random numbers, the same input. `generators.py`
lists them; `python -m tests.faults` tries thousands, `test_faults.py` a few dozen.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from papilio.errors import PapilioError, one_line

HANG_SECONDS = 10.0
GIVEN_UP = 3  # times what an input may take, after which it is given up
SECONDS_BETWEEN_ALARMS = 5.0
PEAK_BYTES = 2**30  # beyond what the process had before
LIMIT_BYTES = 3 * 2**30  # after which it is given up
MESSAGE_LETTERS = 1000
GAVE_UP = "given up"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what a terminal would take for something else than text


@dataclass(frozen=True)
class Fault:
    """One input. `write` makes its files in an empty folder, and `attempt` uses them there.

    `attempt` is what follows `papilio` on the command line, which is run in that folder; or a function of the folder, whose
    PapilioError counts as the command's. A refusal must name `file`, and its exit status must be one of `statuses`.
    `is_output_full`: what it prints goes to a full disk. What takes more than `most_seconds`, or has to be given up, hangs.
    """

    name: str
    write: Callable[[Path], object]
    attempt: tuple[str, ...] | Callable[[Path], object]
    file: str = ""
    statuses: tuple[int, ...] = (0, 1, 2)
    most_seconds: float = HANG_SECONDS
    is_output_full: bool = False

    @property
    def limit_seconds(self) -> float:
        """After which it is given up."""
        return GIVEN_UP * self.most_seconds


Generator = Callable[[random.Random], Fault]


class Verdict(StrEnum):
    """What is wrong with an outcome, the worst first; OK for nothing."""

    GENERATOR = "generator"  # the input could not be made
    HANG = "hang"
    MEMORY = "memory"
    TRACEBACK = "traceback"
    WRONG_EXIT = "wrong exit"
    MESSAGE = "message"
    OK = "ok"


@dataclass(frozen=True)
class Outcome:
    """What came of an input; `peak_bytes` is beyond what the process had before.

    `seconds` are without those in which other processes had the processor.
    """

    name: str
    status: int
    stdout: str
    stderr: str
    seconds: float
    peak_bytes: int
    verdict: Verdict

    @property
    def last_line(self) -> str:
        return (self.stderr.strip().splitlines() or [""])[-1]


class _FullDisk(io.BytesIO):
    """What takes nothing."""

    def write(self, content: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class GivenUpError(BaseException):
    """The input took longer than its limit; no `except Exception` catches it."""


def try_here(fault: Fault) -> Outcome:
    """Try an input in this process, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="fault-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "input"  # "..", too, is a folder of its own
        folder.mkdir()
        fault.write(folder)
        out, err = (
            io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors=how) for how in ("strict", "backslashreplace")
        )
        if fault.is_output_full:
            out = io.TextIOWrapper(_FullDisk(), encoding="utf-8")
        _forget_peak()
        before, start = _memory("VmRSS"), own_seconds()
        with (
            _inside(folder),
            _limits(before, fault.limit_seconds),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = _attempt(fault, folder)
        seconds, peak = own_seconds() - start, max(0, _memory("VmHWM") - before)
    return _outcome(fault, status, _text(out), _text(err), seconds, peak)


def try_apart(fault: Fault, *, base_bytes: int = 0) -> Outcome:
    """Try an input of the command line in a process of its own; `base_bytes` is what such a process takes anyway."""
    assert not callable(fault.attempt), f"{fault.name} is no command"
    with tempfile.TemporaryDirectory(prefix="fault-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "input"
        folder.mkdir()
        fault.write(folder)
        command = [sys.executable, "-m", "papilio", *fault.attempt]
        to = Path("/dev/full") if fault.is_output_full else Path(name) / "out"
        with to.open("wb") as out, (Path(name) / "err").open("wb") as err:
            process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
            status, used, took, peak_bytes = _wait(process, fault.limit_seconds)
        files = [Path(name) / one for one in ("out", "err")]
        texts = [file.read_text(errors="replace") if file.exists() else "" for file in files]
    peak = max(0, peak_bytes - base_bytes)
    # of a process that was not given up its work: libraries are imported from a disk that others use, too
    seconds = took if took > fault.limit_seconds else used.ru_utime + used.ru_stime
    return _outcome(fault, status, *texts, seconds, peak)


def warm_up() -> None:
    """Import what commands import, so that no input is held to account for it."""
    import papilio.cli
    from papilio.workbench import load_run

    assert papilio.cli.app
    load_run("clock")


def _attempt(fault: Fault, folder: Path) -> int:
    from papilio.cli import main

    try:
        if callable(fault.attempt):
            fault.attempt(folder)
        else:
            sys.argv = ["papilio", *fault.attempt]
            main()
    except PapilioError as error:
        print(f"papilio: {error}", file=sys.stderr)
        return error.exit_status
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except GivenUpError:
        print(f"{GAVE_UP} after {fault.limit_seconds:g} s", file=sys.stderr)
        return 1
    except BaseException:  # a user would see this
        traceback.print_exc()
        return 1
    return 0


def _outcome(fault: Fault, status: int, stdout: str, stderr: str, seconds: float, peak_bytes: int) -> Outcome:
    verdict = judge(fault, status, stdout, stderr, seconds, peak_bytes)
    return Outcome(fault.name, status, stdout, stderr, seconds, peak_bytes, verdict)


def judge(fault: Fault, status: int, stdout: str, stderr: str, seconds: float, peak_bytes: int) -> Verdict:
    """What is wrong with what came of an input."""
    if seconds > fault.most_seconds or stderr.rstrip().rpartition("\n")[2].startswith(GAVE_UP):
        return Verdict.HANG
    if peak_bytes > PEAK_BYTES or "MemoryError" in stderr:
        return Verdict.MEMORY
    if "Traceback (most recent call last)" in stderr:
        return Verdict.TRACEBACK
    if status not in fault.statuses:
        return Verdict.WRONG_EXIT
    if (status in (1, 2) and not _is_clear(fault, stdout, stderr)) or CONTROL.search(stdout + stderr):
        return Verdict.MESSAGE
    return Verdict.OK


def _is_clear(fault: Fault, stdout: str, stderr: str) -> bool:
    """Whether a refusal is one line of moderate length that names the file; a check's findings are its answer."""
    if not stderr and isinstance(fault.attempt, tuple) and fault.attempt[:2] == ("data", "check"):
        return "error" in stdout and all(one_line(line) == line for line in stdout.splitlines())
    lines = stderr.splitlines() or [""]
    *progress, line = lines
    return (
        # what it was at: "loading the run"; remarks of libraries begin otherwise
        all(one[:1].islower() and not one.startswith("papilio: ") and "Warning" not in one for one in progress)
        and one_line(line) == line
        and len(line) <= MESSAGE_LETTERS
        and fault.file in line
    )


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before, arguments = Path.cwd(), sys.argv
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        sys.argv = arguments


@contextlib.contextmanager
def _limits(before_bytes: int, seconds: float) -> Iterator[None]:
    """Within, time and memory end; what has been allocated before counts to the memory that may be.

    The alarm comes again and again: other processes may have had the processor, and an exception that it raises inside a
    finaliser is lost.
    """
    start = own_seconds()

    def give_up(number: int, frame: Any) -> None:
        if own_seconds() - start >= seconds:
            raise GivenUpError

    old = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (max(before_bytes, _memory("VmData")) + LIMIT_BYTES, old[1]))
    handler = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, SECONDS_BETWEEN_ALARMS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_DATA, old)


def _wait(process: subprocess.Popen[bytes], most_seconds: float) -> tuple[int, resource.struct_rusage, float, int]:
    """Status, what was used, how long it took by its own clock, and its peak in bytes; one that takes longer is killed.

    `ru_maxrss` is not that peak: it begins with that of the process which started this one.
    """
    start = own_seconds(process.pid)
    took, peak_bytes = 0.0, 0
    while True:
        number, state, used = os.wait4(process.pid, os.WNOHANG)
        if number:
            process.returncode = os.waitstatus_to_exitcode(state)
            return process.returncode, used, took, peak_bytes
        peak_bytes = max(peak_bytes, _memory("VmHWM", process.pid))
        took = own_seconds(process.pid) - start
        if took > most_seconds:
            process.kill()
        time.sleep(0.01)


def _text(stream: io.TextIOWrapper) -> str:
    with contextlib.suppress(OSError):
        stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")


def own_seconds(of: int | str = "thread-self") -> float:
    """A clock that stands still while this thread, or a process' first, could go on, but others have the processor."""
    try:
        _, waited_nanoseconds, _ = Path(f"/proc/{of}/schedstat").read_text().split()
    except (OSError, ValueError):
        return time.monotonic()
    return time.monotonic() - int(waited_nanoseconds) / 1e9


def _memory(field: str, of: int | str = "self") -> int:
    """A number of /proc/self/status, or of another process', in bytes; 0 where there is none."""
    try:
        status = Path(f"/proc/{of}/status").read_text()
    except OSError:  # no such file, or a process that has ended
        return 0
    line = next((line for line in status.splitlines() if line.startswith(f"{field}:")), "x: 0")
    return int(line.split()[1]) * 1024


def _forget_peak() -> None:
    """Let the kernel count this process' peak from here on."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
