"""How long a study will take and how much memory: first from a few timed steps, then from what has been seen."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from papilio.runs.folder import RunPlan
from papilio.studies.messages import Cost

MAX_PROBES = 12  # structures that are timed; a study of thousands is judged by these


def structure_of(plan: RunPlan) -> str:
    """What makes two runs cost the same: everything but the seed and numbers that only change numbers inside a step.

    A rate (of dropout, say) is such a number, as long as it is not 0.
    """
    train = {key: plan.settings["train"].get(key) for key in ("batch_size", "optimizer", "objective", "augment")}
    model = {key: bool(one) if isinstance(one, float) else one for key, one in plan.settings["model"].items()}
    return json.dumps([plan.settings["data"], model, train], sort_keys=True)


def plans_to_probe(plans: list[RunPlan]) -> list[RunPlan]:
    """One run of each structure, evenly picked where there are many."""
    by_structure = {structure_of(plan): plan for plan in reversed(plans)}
    representatives = list(by_structure.values())
    stride = max(1, -(-len(representatives) // MAX_PROBES))
    return representatives[::stride]


@dataclass
class Forecast:
    """Seconds and bytes, for the runs that are still to be done."""

    num_workers: int
    costs: dict[str, Cost] = field(default_factory=dict)  # by structure
    epoch_shares: dict[str, list[float]] = field(default_factory=dict)  # by trial: epochs used of those allowed
    epochs_done: dict[str, int] = field(default_factory=dict)  # by run

    def learn_cost(self, plan: RunPlan, cost: Cost) -> None:
        """Note what a probe measured."""
        self.costs[structure_of(plan)] = cost

    def learn_epoch(self, plan: RunPlan, epoch: int, seconds: float) -> None:
        """Note that a run has come to the end of an epoch, `seconds` of training in all."""
        self.epochs_done[plan.name] = epoch
        known = self.costs.get(structure_of(plan))
        self.costs[structure_of(plan)] = Cost(seconds / epoch, known.peak_bytes if known else 0)

    def learn_end(self, plan: RunPlan, epochs: int) -> None:
        """Note how many of its epochs a finished run took: its sisters will stop early, too."""
        share = epochs / plan.settings["train"]["epochs"]
        self.epoch_shares.setdefault(plan.trial, []).append(share)

    def seconds(self, plans: list[RunPlan]) -> float | None:
        """What these runs will take on all workers, None where nothing was measured; an upper bound at first."""
        if not self.costs:
            return None
        each = [self._run_seconds(plan) for plan in plans]
        return max(sum(each) / self.num_workers, max(each, default=0.0))

    def peak_bytes(self) -> int:
        """Of all workers together."""
        return self.num_workers * max((cost.peak_bytes for cost in self.costs.values()), default=0)

    def _run_seconds(self, plan: RunPlan) -> float:
        cost = self.costs.get(structure_of(plan))
        typical = sum(one.epoch_seconds for one in self.costs.values()) / len(self.costs)
        shares = self.epoch_shares.get(plan.trial, [])
        share = sum(shares) / len(shares) if shares else 1.0
        epochs = plan.settings["train"]["epochs"] * share - self.epochs_done.get(plan.name, 0)
        return max(epochs, 0.0) * (cost.epoch_seconds if cost else typical)
