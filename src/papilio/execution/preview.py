"""What running a study would do, without doing it: its trials, what of them is there already, how long it would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from papilio.engine import find_engine
from papilio.errors import DataError, SettingError, StudyError, agreed
from papilio.execution.afterwards import span_afterwards, under_load
from papilio.execution.forecast import Forecast, plans_to_probe, untimed_words
from papilio.execution.precisions import Precisions, is_open
from papilio.execution.spans import Span, spoken_span
from papilio.runs.folder import RunFolder
from papilio.runs.plan import RunPlan
from papilio.snippets import box, line, table
from papilio.studies.images import StudyImages
from papilio.studies.study import Study
from papilio.workers.worker import measure_cost


@dataclass(frozen=True)
class PreviewRow:
    """A trial: its runs, how many of them have ended for good, the epochs that each may take, its network's size."""

    stage: str
    trial: str
    num_runs: int
    num_finished: int
    epochs: int
    parameters: int
    precision: str  # in which its nets will learn; "auto" where that is decided when it begins


@dataclass(frozen=True)
class StudyPreview:
    """A study that was planned and checked, and not run."""

    title: str
    folder: Path
    trials: tuple[PreviewRow, ...]
    notes: tuple[str, ...]
    num_workers: int | None  # None: as many as a cluster gives
    span: Span | None  # of the command, from the first run to the report; None where nothing could be timed
    peak_bytes: int

    def __repr__(self) -> str:
        return f"<StudyPreview {self.title!r}: {self.words()}, in {self.folder}>"

    def _repr_html_(self) -> str:
        header = ("stage", "trial", "runs", "finished", "epochs", "parameters")
        rows = [
            (one.stage, one.trial, one.num_runs, one.num_finished, one.epochs, f"{one.parameters:,}")
            for one in self.trials
        ]
        parts = (line(self.words()), table(header, rows), *map(line, self.notes), line(f"in {self.folder}"))
        return box(self.title, *parts)

    def words(self) -> str:
        """How many runs are left, and how long they would take."""
        left = self.num_runs - self.num_finished
        time = "" if self.span is None or not left else f": {spoken_span(self.span)} in all, from start to report"
        return f"{left:,} of {agreed(self.num_runs, '{} run', '{} runs')} to train{time}"

    @property
    def tells_precision(self) -> bool:
        """Whether any run learns in another precision than the usual one."""
        return any(row.precision != "float32" for row in self.trials)

    @property
    def num_runs(self) -> int:
        """All runs, finished ones too."""
        return sum(row.num_runs for row in self.trials)

    @property
    def num_finished(self) -> int:
        """Those that are there."""
        return sum(row.num_finished for row in self.trials)


def preview(
    study: Study,
    plans: Sequence[RunPlan],
    images: StudyImages,
    *,
    folder: Path,
    notes: Sequence[str],
    num_workers: int | None,
    is_fresh: bool,
    is_timed: bool,
) -> StudyPreview:
    """Describe planned runs, and time a few steps of them in this process; nothing is written.

    `is_fresh`: what is in the folder does not count. Raises StudyError for a network that cannot be built.
    """
    finished = set() if is_fresh else {one.name for one in plans if RunFolder(folder / "runs" / one.name).is_finished()}
    left = [plan for plan in plans if plan.name not in finished]
    forecast = Forecast(num_workers or 1, images.structure_of)
    probes = plans_to_probe(left, images.structure_of) if is_timed else []
    precisions = Precisions(images.structure_of)
    if not is_fresh:
        precisions.learn_begun((plan, RunFolder(folder / "runs" / plan.name).read()) for plan in plans if is_open(plan))
    untimed = [(plan, why) for plan in probes if (why := _time(plan, study, images, forecast, precisions)) is not None]
    notes = [*notes, untimed_words(untimed, len(probes))] if untimed else notes
    training = forecast.span(left)
    span = None if training is None else training.plus(under_load(span_afterwards(study, plans, images)))
    by_trial: dict[tuple[str, str], list[RunPlan]] = {}
    for plan in plans:
        by_trial.setdefault((plan.stage, plan.trial), []).append(plan)
    rows = tuple(_row(study, runs, finished, images, precisions) for runs in by_trial.values())
    return StudyPreview(study.settings.title, folder, rows, tuple(notes), num_workers, span, forecast.peak_bytes())


def _time(plan: RunPlan, study: Study, images: StudyImages, forecast: Forecast, precisions: Precisions) -> str | None:
    """Why a few steps of a run could not be timed, None where they were."""
    try:
        precision = precisions.of(plan)
        cost = measure_cost(plan.settings, images.of_run(plan), threads=1, own=study.own, precision=precision)
        forecast.learn_cost(plan, cost)
        if cost.precision is not None:
            precisions.learn(plan, cost.precision)
    except Exception as error:  # a network of the user's own may raise anything: the run itself will say so, too
        return f"{type(error).__name__}: {error}"
    return None


def _row(
    study: Study, runs: Sequence[RunPlan], finished: set[str], images: StudyImages, precisions: Precisions
) -> PreviewRow:
    first = runs[0]
    try:
        engine = find_engine(first.settings.train.engine, study.own)
        described = engine.describe(first.settings, images.of_run(first).facts)
    except (SettingError, DataError) as error:
        raise StudyError(f"{study.where}: {first.place}: {error}") from error
    num_finished = sum(run.name in finished for run in runs)
    train = first.settings.train
    precision = precisions.of(first) or train.precision or "float32"
    return PreviewRow(
        first.stage, first.trial, len(runs), num_finished, train.epochs, described.num_parameters, precision
    )
