"""What was wrong with runs while they trained, and when: their records in, sentences out."""

from __future__ import annotations

from collections.abc import Iterable

from papilio.kinds.warnings import spells_of, warnings_of
from papilio.results.results import RunResult, TrialResult
from papilio.results.words import counted
from papilio.sections.kinds_of_runs import kind_of_run

MOST_NOTES = 12


def warning_notes(trials: Iterable[TrialResult]) -> list[str]:
    """A sentence for each warning of the trials' runs, at most so many."""
    notes = [note for trial in trials for run in trial.runs for note in _of_run(run, trial)]
    if len(notes) <= MOST_NOTES:
        return notes
    return [*notes[:MOST_NOTES], f"And {counted(len(notes) - MOST_NOTES, 'more warning')} of this kind."]


def _of_run(run: RunResult, trial: TrialResult) -> list[str]:
    kind = kind_of_run(run) if run.records else None
    warn = None if kind is None else warnings_of(kind)
    if warn is None:
        return []
    which = f"{trial.title}, seed {run.seed}" + ("" if run.fold is None else f", fold {run.fold}")
    num_epochs = int(run.records[-1]["epoch"])
    return [f"{which}: {spell.words(num_epochs)}." for spell in spells_of(warn, run.records)]
