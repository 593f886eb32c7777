"""search.journal: the study's trials for Optuna's own tools (`optuna-dashboard DIR/search.journal`).

It is written for others and never read by Papilio: the runs' folders are the truth. Every stage whose trials a metric ranks is
an Optuna study (of others Optuna would only know trials that failed); a trial is added when it has ended. A journal that is
damaged, or knows another space, is rewritten. Optuna's lock next to it is not used: it waits half a minute, or forever, for
one that somebody left, and the lock of the study's folder keeps out other writers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from papilio.files import storage_errors
from papilio.kinds.ranking import Ranking
from papilio.runs.folder import RunFolder
from papilio.search.samplers import distributions, encoded
from papilio.search.stages import StageSearch
from papilio.search.states import TrialState

if TYPE_CHECKING:
    import optuna
    from optuna.trial import TrialState as State

FILE = "search.journal"
NAME = "trial"  # attributes of a trial, as Optuna's tools show them
NUM_RUNS = "runs"
WAIT = 20  # times what the last writing took: the share of the time that writing may take


class Journal:
    """Writes trials of a study into its journal, each once."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.next_time = -math.inf
        self.storage: optuna.storages.JournalStorage | None = None
        self.stages: dict[str, tuple[optuna.Study, dict[str, State]]] = {}

    def note(self, searches: Iterable[StageSearch], *, is_due: bool = True) -> None:
        """Write the trials that have ended since the last time; not `is_due`: only if that was a while ago.

        Raises StorageError where the disk is full.
        """
        start = time.monotonic()
        if not is_due and start < self.next_time:
            return
        ranked = {search: search.ranking for search in searches if search.ranking is not None}
        ended = [(search, ranking, search.take_ended()) for search, ranking in ranked.items()]
        with storage_errors(self.path):
            try:
                self._add(ended)
            except OSError:
                raise
            except Exception:  # it is torn or foreign in a way that only Optuna knows
                self.path.unlink(missing_ok=True)
                self.storage, self.stages = None, {}
                over = {search: [trial for trial in search.trials if trial.is_over] for search in ranked}
                self._add([(search, ranking, over[search]) for search, ranking in ranked.items()])
        end = time.monotonic()
        self.next_time = end + WAIT * (end - start)  # each trial is flushed to the disk: meanwhile no run is handed out

    def _add(self, ended: Iterable[tuple[StageSearch, Ranking, list[TrialState]]]) -> None:
        for search, ranking, trials in ended:
            told = [trial for trial in trials if _is_told(trial, ranking)]
            if not told:
                continue
            study, known = self._study(search, ranking)
            for trial in told:
                frozen, name = _frozen(trial, search, ranking, self.path.parent / "runs"), trial.plan.name
                if known.get(name, frozen.state) is not frozen.state:
                    raise ValueError(f"{name} continued after it was written")
                if name not in known:
                    study.add_trial(frozen)
                    known[name] = frozen.state

    def _study(self, search: StageSearch, ranking: Ranking) -> tuple[optuna.Study, dict[str, State]]:
        name = search.plan.settings.name
        if name not in self.stages:
            study = _open(self._opened_storage(), search.plan.settings.name, ranking)
            known = {trial.user_attrs[NAME]: trial.state for trial in study.get_trials(deepcopy=False)}
            if not known.keys() <= {trial.plan.name for trial in search.trials}:
                raise ValueError("the journal has trials that are no longer in the study")
            self.stages[name] = study, known
        return self.stages[name]

    def _opened_storage(self) -> optuna.storages.JournalStorage:
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        if self.storage is None:
            if self.path.exists() and not self.path.is_file():  # of a pipe its end would be waited for
                raise OSError("it is not a regular file")
            backend = JournalFileBackend(str(self.path), lock_obj=NoLock())  # pyright: ignore[reportArgumentType]
            self.storage = JournalStorage(backend)
        return self.storage


class NoLock:
    """Optuna's kind of lock, which nobody has to wait for."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None: ...


def _open(storage: optuna.storages.JournalStorage, name: str, ranking: Ranking) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    direction = "maximize" if ranking.is_maximized else "minimize"
    study = optuna.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True)
    if study.direction.name.lower() != direction:
        raise ValueError("the journal ranks trials in the opposite direction")
    return study


def _is_told(trial: TrialState, ranking: Ranking) -> bool:
    """Whether Optuna has a word for what became of a trial: it has none for one that is done and has no value."""
    return not trial.is_done or trial.mean(ranking.metric) is not None


def _frozen(trial: TrialState, search: StageSearch, ranking: Ranking, runs: Path) -> optuna.trial.FrozenTrial:
    """A trial as Optuna would have kept it: what was pruned has its last score as its value."""
    from optuna.trial import FrozenTrial
    from optuna.trial import TrialState as State

    sign = 1 if ranking.is_maximized else -1
    epochs = range(1, max(len(run.scores) for run in trial.runs) + 1)
    scores = {epoch: trial.score_at(epoch) for epoch in epochs}
    known = {epoch: sign * score for epoch, score in scores.items() if score is not None and math.isfinite(score)}
    value = trial.mean(ranking.metric)
    state = State.PRUNED if trial.cut else State.COMPLETE if value is not None else State.FAIL
    if state is State.PRUNED:
        value = known[max(known)] if known else None
    all_distributions = distributions(search.plan.space)
    params = encoded(trial.plan.point, search.plan.space)
    began, ended = _times(trial, runs)
    return FrozenTrial(
        number=-1,  # the storage counts
        trial_id=-1,
        state=state,
        value=value if state is not State.FAIL else None,
        datetime_start=began,
        datetime_complete=ended,
        params=params,
        distributions={key: all_distributions[key] for key in params},
        user_attrs={NAME: trial.plan.name, NUM_RUNS: [run.plan.name for run in trial.runs]},
        system_attrs={},
        intermediate_values=known,
    )


def _times(trial: TrialState, runs: Path) -> tuple[datetime, datetime]:
    """When the first of its runs began, by the seconds that it has trained, and when the last one ended."""
    spans = []
    for run in trial.runs:
        file = RunFolder(runs / run.plan.name).facts_file
        ended = file.stat().st_mtime if file.exists() else time.time()
        spans.append((ended - (run.facts.seconds if run.facts is not None else 0.0), ended))
    return datetime.fromtimestamp(min(begin for begin, _ in spans)), datetime.fromtimestamp(
        max(end for _, end in spans)
    )
