"""A study's progress in a notebook: one bar that stays in place."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from html import escape
from typing import Any

from papilio.data.progress import tell
from papilio.errors import one_line
from papilio.execution.display import (
    NOTHING,
    end_line,
    estimate_line,
    left_words,
    metrics_words,
    run_words,
    tally_words,
    warning_line,
)
from papilio.execution.spans import Span
from papilio.runs.folder import RunFacts
from papilio.runs.plan import RunPlan
from papilio.search.states import Tally
from papilio.snippets import line, table

SECONDS_BETWEEN = 0.5  # two changes of what is shown
MOST_ENDED = 5  # runs that have ended and are shown


def is_in_notebook() -> bool:
    """Whether this process is a notebook's kernel: not a prompt of IPython on a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class NotebookProgress:
    """A bar of the runs that have ended, the runs that train, the time left."""

    def __init__(self) -> None:
        self.tally = NOTHING
        self.estimate = ""
        self.left: Span | None = None
        self.running: dict[str, list[str]] = {}
        self.ended: deque[str] = deque(maxlen=MOST_ENDED)
        self.handle: Any = None
        self.shown = 0.0

    def on_estimate(self, *, span: Span | None, peak_bytes: int, num_runs: int, num_workers: int) -> None:
        self.estimate = estimate_line(span=span, peak_bytes=peak_bytes, num_runs=num_runs, num_workers=num_workers)
        self._show(is_due=True)

    def on_step(self, plan: RunPlan, *, epoch: int, step: int, num_steps: int) -> None:
        before = self.running.get(plan.name, ["", "", ""])
        self._note(plan, f"{epoch - 1 + step / num_steps:.1f} of {plan.settings.train.epochs}", before[2])

    def on_epoch(self, plan: RunPlan, record: Mapping[str, Any], *, left: Span | None) -> None:
        self.left = left
        self._note(plan, f"{record['epoch']} of {plan.settings.train.epochs}", metrics_words(record, "val"))

    def on_end(self, plan: RunPlan, facts: RunFacts, *, left: Span | None) -> None:
        self.left = left
        self.ended.append(end_line(plan, facts))
        self.on_pause(plan)

    def on_pause(self, plan: RunPlan) -> None:
        self.running.pop(plan.name, None)
        self._show(is_due=True)

    def on_tally(self, tally: Tally) -> None:
        is_first, self.tally = self.tally is NOTHING, tally
        self._show(is_due=is_first)

    def on_note(self, text: str) -> None:
        tell(one_line(text), file=sys.stdout)

    def on_warning(self, plan: RunPlan, text: str, *, epoch: int) -> None:
        self.on_note(warning_line(plan, text, epoch=epoch))

    def display(self) -> AbstractContextManager[object]:
        return self._displayed()

    @contextlib.contextmanager
    def _displayed(self) -> Iterator[None]:
        from IPython.display import display  # pyright: ignore[reportMissingImports] (a notebook has it)

        self.handle = display(_Shown(*self._state()), display_id=True)
        try:
            yield
        finally:
            self.running, self.left = {}, None
            self._show(is_due=True)

    def _note(self, plan: RunPlan, epochs: str, validation: str) -> None:
        self.running[plan.name] = [run_words(plan), epochs, validation]
        self._show()

    def _show(self, *, is_due: bool = False) -> None:
        now = time.monotonic()
        if self.handle is not None and (is_due or now - self.shown > SECONDS_BETWEEN):
            self.shown = now
            self.handle.update(_Shown(*self._state()))

    def _state(self) -> tuple[str, str]:
        """HTML, and the same as a line of text for what shows none."""
        over, total = self.tally.num_runs_over, self.tally.num_runs
        count = f"{over} of {total} runs{left_words(self.left) if over < total else ''}"
        text = f"{count}; {tally_words(self.tally)}"
        bar = f'<progress max="{max(1, total)}" value="{over}" style="width:20em"></progress> {escape(count)}'
        running = table(["running", "epoch", "validation"], self.running.values()) if self.running else ""
        lines = "".join(line(one) for one in [self.estimate, tally_words(self.tally), *self.ended] if one)
        return f"<div>{bar}{running}{lines}</div>", text


class _Shown:
    """What IPython shows: HTML, or text."""

    def __init__(self, html: str, text: str) -> None:
        self.html, self.text = html, text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html
