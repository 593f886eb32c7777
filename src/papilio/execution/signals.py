"""Ctrl-C and SIGTERM while a study runs: counted, so that none is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Counts the signals that ask a study to stop.

    A signal raises KeyboardInterrupt, as Python's own handler does; but an exception that comes up inside a finalizer, or
    inside a library's clean-up, is swallowed there, while a number stays: whoever continues looks at it. Within `patiently` the
    first signal is only counted, for runs to stop after their present epoch; a second one ends everything at once.
    """

    def __init__(self) -> None:
        self.count = 0
        self.is_patient = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle signals while the block runs. Only the main thread may; in another one its owner deals with them."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._take) for number in NUMBERS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Within, the first signal raises nothing. Raises KeyboardInterrupt for one that came before and was swallowed."""
        if self.count:
            raise KeyboardInterrupt
        self.is_patient = True
        try:
            yield
        finally:
            self.is_patient = False

    @contextmanager
    def impatiently(self) -> Iterator[None]:
        """In `patiently`, while somebody is asked: the first signal raises KeyboardInterrupt, too, as does one before."""
        if self.count:
            raise KeyboardInterrupt
        before, self.is_patient = self.is_patient, False
        try:
            yield
        finally:
            self.is_patient = before

    def _take(self, number: int, frame: object) -> None:
        # no more than a number here: it may come in the middle of a message to a worker, or of a line of output
        self.count += 1
        if self.count > 1 or not self.is_patient:
            raise KeyboardInterrupt
