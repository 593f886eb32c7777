"""The report while a study trains: a process of its own writes it now and then, so that nobody waits for it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from papilio.errors import reason_of
from papilio.execution.spans import Span
from papilio.files import PART
from papilio.workers.pool import python_path

PROGRAM = "papilio.sections.live"
SECONDS_TO_FIRST = 20.0  # a study that is over sooner has its report soon enough
SECONDS_WORTH = 120.0  # nor is one begun where the study will be over by then: it takes seconds of a core
SECONDS_BETWEEN = 30.0
SHARE = 50  # a report that takes four seconds is written every 200 seconds


class LiveReport:
    """Writes DIR/report.html again and again: `look` is called often, and starts or ends the process when it is time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.next = time.monotonic() + SECONDS_TO_FIRST
        self.begun = 0.0
        self.process: subprocess.Popen[bytes] | None = None
        self.said: IO[bytes] | None = None  # its standard error: a pipe that nobody reads would fill up

    def look(self, *, has_news: bool, left: Span | None = None) -> str | None:
        """See to it; returns what went wrong, after which it is not tried again.

        `has_news`: there are records to show. `left`: how long the study will take from now on, None where that is not known.
        """
        if self.process is not None:
            return self._wait(self.process)
        is_worth_it = left is None or left.high >= SECONDS_WORTH
        if has_news and is_worth_it and time.monotonic() >= self.next:
            try:
                self._begin()
            except OSError as error:  # no room for another process, or on the disk
                self.next = math.inf
                return reason_of(error)
        return None

    def _begin(self) -> None:
        self.begun = time.monotonic()
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process has ended)
        self.process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM, str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.said,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": python_path()},
            start_new_session=True,  # a Ctrl-C is for the study
        )

    def close(self) -> None:
        """End the process: the study writes its last report itself."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._last_line()  # which closes the file
            self.process = None
            for half in (*self.folder.glob(f".report.html*{PART}"), *self.folder.glob(f"figures/.*{PART}")):
                half.unlink(missing_ok=True)

    def _wait(self, process: subprocess.Popen[bytes]) -> str | None:
        if process.poll() is None:
            return None
        self.process = None
        said = self._last_line()
        now = time.monotonic()
        self.next = now + max(SECONDS_BETWEEN, SHARE * (now - self.begun))
        if process.returncode <= 0:  # below 0: somebody ended it
            return None
        self.next = math.inf
        return said or f"exit status {process.returncode}"

    def _last_line(self) -> str:
        """The last line that the process wrote to its standard error, which is closed; empty where it wrote none."""
        assert self.said is not None  # made with the process
        with self.said as file:
            file.seek(0)
            lines = file.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
