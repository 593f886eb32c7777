"""In which precision the runs of a study compute that leave it to the machine: decided once for each structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from papilio.runs.folder import RunFacts
from papilio.runs.plan import RunPlan


@dataclass
class Precisions:
    """What was decided.

    Runs of one structure on one device compute in one precision, whatever their seeds and folds: that of the first of them that
    has begun, otherwise the one that was faster when a few steps were timed.
    """

    structure_of: Callable[[RunPlan], str]
    decided: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)  # of which a worker is timing a few steps

    def of(self, plan: RunPlan) -> str | None:
        """None where the settings decide, or nothing has yet."""
        return self.decided.get(self._key(plan)) if is_open(plan) else None

    def is_missing(self, plan: RunPlan) -> bool:
        """Whether a few steps have to be timed before the run can begin."""
        return is_open(plan) and self._key(plan) not in self.decided

    def ask(self, plan: RunPlan) -> bool:
        """Whether a worker should time a few steps: none does yet."""
        is_first = self._key(plan) not in self.asked
        self.asked.add(self._key(plan))
        return is_first

    def learn(self, plan: RunPlan, precision: str) -> None:
        """Note a decision; an earlier one stays."""
        self.decided.setdefault(self._key(plan), precision)

    def learn_begun(self, runs: Iterable[tuple[RunPlan, RunFacts | None]]) -> None:
        """Note in what runs compute that have begun before."""
        for plan, facts in runs:
            if facts is not None and facts.parameters is not None and is_open(plan):
                self.learn(plan, facts.precision)

    def _key(self, plan: RunPlan) -> str:
        return f"{plan.settings.train.device} {self.structure_of(plan)}"


def is_open(plan: RunPlan) -> bool:
    """Whether a run leaves its precision to the machine."""
    return plan.settings.train.precision == "auto"
