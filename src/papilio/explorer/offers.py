"""What runs do, known without their nets; and which classifier says what a run's pictures show."""

from __future__ import annotations

from papilio.analysis.features import SHIPPED
from papilio.errors import SettingError
from papilio.runs.folder import RunFolder
from papilio.runs.own_code import own_code
from papilio.runs.shipped import find_run, shipped_runs


def offers_of(run: RunFolder) -> frozenset[str]:
    """What a run does, without its nets. Raises RunError where it has an objective of the user's own that is not found."""
    settings = run.facts().run_settings
    own = own_code(run.path, settings, {}) if ":" in settings.train.objective else {}
    return frozenset(run.kind(own).offers)


def judge_of(run: RunFolder, given: str | None) -> str | None:
    """The classifier's run that is given, or that comes with Papilio for such images; raises SettingError for another."""
    facts = run.facts()
    name = given if given is not None else SHIPPED.get(facts.data_name, "")
    if given is None and name not in shipped_runs():
        return None
    theirs = RunFolder(find_run(name))
    if theirs.facts().images.shape == facts.images.shape and "probabilities" in offers_of(theirs):
        return name
    if given is None:
        return None
    raise SettingError(f"--classifier {given}: must be a classifier of images of the same size and colors as the run's")
