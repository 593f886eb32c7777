"""What kinds of runs warn of while they train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from papilio.kinds.warnings import Warn
from papilio.runs.folder import RunFolder
from papilio.runs.plan import RunPlan


class Alarms:
    """Hears the records of all runs, and gives each warning once a run, when it begins to hold.

    `warn_of` has for a plan what its kind warns by, None where it does not. What a run recorded before this command is read
    from its folder.
    """

    def __init__(self, folder: Path, warn_of: Callable[[RunPlan], Warn | None]) -> None:
        self.folder = folder
        self.warn_of = warn_of
        self.heard: dict[str, tuple[Warn | None, list[Mapping[str, Any]]]] = {}  # of the runs that train
        self.told: set[tuple[str, str]] = set()  # run and warning

    def hear(self, plan: RunPlan, record: Mapping[str, Any]) -> list[str]:
        """What is new to be warned of after an epoch of a run."""
        if plan.name not in self.heard:
            self.heard[plan.name] = self._before(plan, record["epoch"])
        warn, records = self.heard[plan.name]
        if warn is None:
            return []
        records.append(record)
        try:
            found = warn(records)
        except Exception as error:  # a function of the user's own may raise anything: the run itself is well
            self.heard[plan.name] = None, []
            return [f"the warning check of its kind failed ({type(error).__name__}: {error})"]
        new = [sentence for name, sentence in found.items() if (plan.name, name) not in self.told]
        self.told |= {(plan.name, name) for name in found}
        return new

    def forget(self, plan: RunPlan) -> None:
        """The run has ended, or continues later."""
        self.heard.pop(plan.name, None)

    def _before(self, plan: RunPlan, epoch: int) -> tuple[Warn | None, list[Mapping[str, Any]]]:
        warn = self.warn_of(plan)
        records = RunFolder(self.folder / "runs" / plan.name).read_records() if warn else []
        return warn, [one for one in records if one["epoch"] < epoch]
