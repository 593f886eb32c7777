"""Runs that a full disk, a kill or another program damaged: what is damaged is found, said, and recreated."""

from __future__ import annotations

from papilio.errors import RunError, agreed
from papilio.files import remove_own
from papilio.runs.arrays import load_arrays
from papilio.runs.folder import FINAL, RunFacts, RunFolder
from papilio.runs.loop import Counters

AGAIN = "the run will be trained again"


def mend_run(folder: RunFolder) -> list[str]:
    """Leave a run's folder so that training can resume from it, and return a line for each thing that was damaged.

    A damaged checkpoint is replaced by the one before it; a finished run whose weights are damaged, and any whose records lack
    epochs that it is known to have had, starts over. Raises RunError where run.json is damaged.
    """
    facts = folder.read()
    if facts is None:
        return []
    notes, epoch = _mend_checkpoint(folder)
    told = len(folder.read_records())
    known = facts.epochs if facts.status in FINAL else epoch
    if told < known:
        _begin_anew(folder)
        damaged = agreed(known - told, "the record of {} epoch is", "the records of {} epochs are")
        return [*notes, f"{folder.records_file}: {damaged} damaged or missing; {AGAIN}"]
    if folder.has_half_record():
        folder.keep_records(told)
        notes.append(f"{folder.records_file}: its last line is damaged and was removed")
    if (damage := _damage_of_weights(folder, facts)) is not None:
        _begin_anew(folder)
        notes.append(f"{damage}; {AGAIN}")
    return notes


def _mend_checkpoint(folder: RunFolder) -> tuple[list[str], int]:
    """What was wrong with the checkpoints, and the number of epochs that the one that is left has."""
    notes = []
    for file in (folder.checkpoint_file, folder.older_checkpoint_file):
        try:
            epoch = Counters.from_facts(load_arrays(file)[1]).epoch
        except FileNotFoundError:
            continue
        except RunError as error:
            notes.append(f"{file}: is damaged and was removed ({error})")
            remove_own(file)
            continue
        if file != folder.checkpoint_file:
            file.replace(folder.checkpoint_file)
            notes = [f"{note}; the run resumes from epoch {epoch}" for note in notes]
        return notes, epoch
    return [f"{note}; {AGAIN}" for note in notes], 0


def _damage_of_weights(folder: RunFolder, facts: RunFacts) -> str | None:
    """What is wrong with the weights of a run that ended for good."""
    if facts.status not in FINAL or facts.best_epoch is None:
        return None
    try:
        load_arrays(folder.weights_file)
    except FileNotFoundError:
        return f"{folder.weights_file} is missing"
    except RunError as error:
        return str(error).partition(";")[0]
    return None


def _begin_anew(folder: RunFolder) -> None:
    for file in (folder.weights_file, folder.records_file):
        remove_own(file)
    folder.remove_checkpoint()
    remove_own(folder.facts_file)
