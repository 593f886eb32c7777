"""How long a study will take and how much memory: from a few timed steps, or the first epochs, then from what has been seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from papilio.errors import shortened
from papilio.execution.spans import Span, least_seconds, most_seconds
from papilio.runs.plan import RunPlan
from papilio.workers.messages import Cost

Shares = tuple[int, float]  # how many runs, and the sum of what they took of the epochs that they were allowed
NO_SHARES: Shares = (0, 0.0)
ENOUGH_RUNS = 5  # that have ended, to expect of others what they took
MOST_OF_A_REASON = 300  # letters
OF_PROBES = Span(0.8, 2.0)  # a few timed steps tell the time of an epoch within these factors,
OF_EPOCHS = Span(0.95, 1.25)  # whole epochs that were trained within these
OVERHEAD = 0.5  # seconds of a run next to its epochs, before any has ended
MAX_PROBES = 12  # structures that are timed; a study of thousands is judged by these
Structure = Callable[[RunPlan], str]  # equal for runs that cost the same


def plans_to_probe(plans: list[RunPlan], structure_of: Structure) -> list[RunPlan]:
    """One run of each structure, evenly picked where there are many."""
    by_structure = {structure_of(plan): plan for plan in reversed(plans)}
    representatives = list(by_structure.values())
    stride = max(1, -(-len(representatives) // MAX_PROBES))
    return representatives[::stride]


def untimed_words(untimed: Sequence[tuple[RunPlan, str]], num_probes: int) -> str:
    """What there is to say where a few steps of some runs could not be timed: of how many, why, and what follows."""
    plan, why = untimed[0]
    which = "the runs" if len(untimed) == num_probes else f"runs of {len(untimed)} of {num_probes} structures"
    then = "" if len(untimed) == num_probes else "; the estimate assumes that they take as long as the others"
    return f"{which} could not be timed: {plan.place}: {shortened(why, MOST_OF_A_REASON)}{then}"


@dataclass
class Forecast:
    """Seconds and bytes, for the runs that are still to be done."""

    num_workers: int
    structure_of: Structure
    structures: dict[str, str] = field(default_factory=dict)  # by run: they are asked for again and again
    costs: dict[str, Cost] = field(default_factory=dict)  # by structure
    shares: Shares = NO_SHARES
    shares_by_trial: dict[str, Shares] = field(default_factory=dict)
    epochs_done: dict[str, int] = field(default_factory=dict)  # by run
    trained: set[str] = field(default_factory=set)  # structures of which there are whole epochs
    overheads: list[float] = field(default_factory=list)  # seconds of runs next to their epochs
    work_of: Callable[[RunPlan], float | None] = lambda plan: None  # of an epoch, to compare runs by; None: not known
    most_bytes: int = 0  # of a worker that has trained
    work: dict[str, float] = field(default_factory=dict)  # by structure of which there is a cost

    def learn_cost(self, plan: RunPlan, cost: Cost) -> None:
        """Note what a probe or epochs of training have measured."""
        structure = self._structure(plan)
        self.costs[structure] = cost
        if structure not in self.work and (work := self.work_of(plan)):
            self.work[structure] = work

    def learn_epoch(self, plan: RunPlan, epoch: int, seconds: float) -> None:
        """Note that a run has come to the end of an epoch, `seconds` of training in all."""
        self.epochs_done[plan.name] = epoch
        self.trained.add(self._structure(plan))
        known = self.costs.get(self._structure(plan))
        self.learn_cost(plan, Cost(seconds / epoch, known.peak_bytes if known else 0))

    def learn_peak(self, peak_bytes: int) -> None:
        """Note how much memory a worker has taken so far."""
        self.most_bytes = max(self.most_bytes, peak_bytes)

    def learn_end(self, plan: RunPlan, epochs: int) -> None:
        """Note how many of its epochs a finished run took: its sisters will stop early, too."""
        share = epochs / plan.settings.train.epochs
        self.shares = _added(self.shares, share)
        self.shares_by_trial[plan.trial] = _added(self.shares_by_trial.get(plan.trial, NO_SHARES), share)

    def learn_overhead(self, seconds: float) -> None:
        """Note what a run took next to its epochs: to build its nets, to measure and to write them."""
        self.overheads.append(seconds)

    def span(self, plans: list[RunPlan]) -> Span | None:
        """What these runs will take on all workers, None where nothing was measured."""
        if not self.costs:
            return None
        typical = sum(one.epoch_seconds for one in self.costs.values()) / len(self.costs)
        overhead = sum(self.overheads) / len(self.overheads) if self.overheads else OVERHEAD
        spans = [self._run_span(plan, typical=typical, overhead=overhead) for plan in plans]
        low = least_seconds([one.low for one in spans], self.num_workers)
        return Span(low, most_seconds([one.high for one in spans], self.num_workers))

    def peak_bytes(self) -> int:
        """Of all workers together, 0 where nothing was measured."""
        return self.num_workers * max(self.most_bytes, *(cost.peak_bytes for cost in self.costs.values()), 0)

    def _structure(self, plan: RunPlan) -> str:
        if plan.name not in self.structures:
            self.structures[plan.name] = self.structure_of(plan)
        return self.structures[plan.name]

    def _run_span(self, plan: RunPlan, *, typical: float, overhead: float) -> Span:
        structure = self._structure(plan)
        cost = self.costs.get(structure)
        factors = OF_EPOCHS if structure in self.trained else OF_PROBES
        done = self.epochs_done.get(plan.name, 0)
        seconds = Span(cost.epoch_seconds, cost.epoch_seconds) if cost else self._by_others(plan, typical)
        shares = self._expected_shares(plan)
        epochs = (max(plan.settings.train.epochs * share - done, 0.0) for share in shares)
        low, high = (num * one * factor + overhead for num, one, factor in zip(epochs, seconds, factors, strict=True))
        return Span(low, high)

    def _by_others(self, plan: RunPlan, typical: float) -> Span:
        """An epoch of a run of which nothing was measured: as long as others, or in proportion to its work, or in between."""
        work = self.work_of(plan)
        if work is None or not self.work:
            return Span(typical, typical)
        pairs = [(self.costs[one].epoch_seconds, work / other) for one, other in self.work.items()]
        low = min(seconds * min(1.0, ratio) for seconds, ratio in pairs)
        return Span(low, max(seconds * max(1.0, ratio) for seconds, ratio in pairs))

    def _expected_shares(self, plan: RunPlan) -> Span:
        """Of its epochs: as its sisters took, else as all runs took once some have ended, else from the fewest to all."""
        num, total = self.shares_by_trial.get(plan.trial) or self.shares
        is_known = plan.trial in self.shares_by_trial or num >= ENOUGH_RUNS
        return Span(total / num, total / num) if is_known else Span(_fewest(plan), 1.0)


def _fewest(plan: RunPlan) -> float:
    """The share of its epochs that a run takes at least."""
    train = plan.settings.train
    return 1.0 if train.early_stopping is None else min(1.0, (train.early_stopping.patience + 1) / train.epochs)


def _added(shares: Shares, share: float) -> Shares:
    num, total = shares
    return num + 1, total + share
