"""From a run's plan to its folder: build, train (or resume training), measure once on test images, keep."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.data.quantities import as_plain
from papilio.engine import Diverged, Lane, Record, Session, TellsBatches, find_engine
from papilio.errors import PapilioError, RunError, StorageError
from papilio.files import locked, write_text
from papilio.kinds.choosing import ranking_of, standing_of
from papilio.kinds.kind import Kind
from papilio.kinds.ranking import Ranking
from papilio.kinds.registry import kind_of
from papilio.runs.arrays import load_arrays, load_facts, save_arrays
from papilio.runs.folder import FINAL, RunFacts, RunFolder
from papilio.runs.kept import NUM_PREVIEWS, append_batches, write_preview
from papilio.runs.loop import Counters, Outcome, TrainingRun, Watcher, best_weights_in, train_runs
from papilio.runs.mending import mend_run
from papilio.runs.plan import RunPlan
from papilio.runs.run import Run
from papilio.settings.references import OwnFunctions, resolve_reference
from papilio.settings.run_settings import RunSettings
from papilio.study_folder import remove_unfinished_of_run

RIM_IMAGES = 1000  # are enough to know whether a set is dark or light around its subjects


@dataclass(frozen=True)
class RunJob:
    """A run that is to be trained into a folder, and who is told of its progress."""

    path: Path
    plan: RunPlan
    images: ImageSet
    watcher: Watcher | None = None
    precision: str | None = None  # that was decided where its settings leave it open


OnEnd = Callable[[str, RunFacts], None]  # is told the name of a run that has ended, and what its run.json says


def execute_runs(jobs: Sequence[RunJob], *, threads: int, own: OwnFunctions, on_end: OnEnd) -> None:
    """Train runs of one structure side by side, each into its folder; each resumes from a checkpoint where there is one.

    `on_end` is told of each run as soon as it has ended; its folder is free for others then. A run that was begun keeps the
    number of threads and the precision that it began with: others give other last bits. Errors in a run end up in its folder,
    as status "failed" with one line, the traceback in error.txt; where several train together nobody knows whose error it was,
    so that those that had not ended continue one by one. A full disk is raised (StorageError), and so is another image set than
    a run began with (RunError).
    """
    with ExitStack() as locks:
        begun = [one for job in jobs if (one := _begin(job, locks, threads=threads, on_end=on_end)) is not None]
        for number in sorted({one.facts.threads for one in begun}):
            group = [one for one in begun if one.facts.threads == number]
            if len(group) > 1:
                with _passing_over_errors():
                    _train(group, own=own, on_end=on_end)
            for one in group:
                if not one.has_ended:
                    _train_alone(one, own=own, on_end=on_end)


@dataclass
class _Begun:
    """A run whose folder is locked: what is known of it, and whether it has ended."""

    job: RunJob
    folder: RunFolder
    facts: RunFacts
    lock: ExitStack
    precision: str | None  # None: the settings say
    has_ended: bool = False

    def end(self, facts: RunFacts, on_end: OnEnd) -> None:
        self.has_ended = True
        self.lock.close()  # while others continue: another worker may take the run further, or measure it
        on_end(self.job.plan.name, facts)


def _begin(job: RunJob, locks: ExitStack, *, threads: int, on_end: OnEnd) -> _Begun | None:
    """None where the run had ended before."""
    folder, images = RunFolder(job.path), job.images
    lock = locks.enter_context(ExitStack())
    lock.enter_context(
        locked(folder.lock_file, busy=f"{job.path}: another process is training this run", wait_seconds=30)
    )
    remove_unfinished_of_run(job.path)
    for line in mend_run(folder):  # after a worker's death: before it the study was mended, and told of
        print(line, file=sys.stderr)
    before = folder.read()
    if before is not None and before.data_checksum not in ("", images.checksum):
        raise RunError(
            f"{job.path}: this run began on other images than {images.name} now has; choose another --out, or --fresh"
        )
    if folder.is_finished():
        folder.remove_checkpoint()  # a kill may have come between the last two steps
        facts = folder.facts()
        lock.close()
        on_end(job.plan.name, facts)
        return None
    facts = _first_facts(job.plan, images, threads=before.threads if before else threads)
    if folder.start_file.exists():
        facts = replace(facts, starts=load_facts(folder.start_file)["starts"])
    precision = before.precision if before is not None and folder.checkpoint_file.exists() else job.precision
    return _Begun(job, folder, facts, lock, precision)


def _train_alone(one: _Begun, *, own: OwnFunctions, on_end: OnEnd) -> None:
    """Train a run; what goes wrong is kept in its folder."""
    try:
        _train([one], own=own, on_end=on_end)
    except StorageError:
        raise
    except Exception as error:
        failed = replace(one.facts, status="failed", reason=_one_line(error))
        one.folder.write(failed)
        write_text(one.folder.path / "error.txt", traceback.format_exc())
        one.end(failed, on_end)


@contextmanager
def _passing_over_errors() -> Iterator[None]:
    """Passes over every error but that of a disk, which the next attempt would meet, too."""
    try:
        yield
    except StorageError:
        raise
    except Exception:
        return


def take_from_checkpoint(path: Path, facts: RunFacts) -> RunFacts:
    """Of a run that was killed: write the weights that its checkpoint has, and return the facts with what it tells.

    What the run had begun of the next epoch is dropped. The facts are as they were where there is no checkpoint. Raises
    RunError where it is torn.
    """
    folder = RunFolder(path)
    if not folder.checkpoint_file.exists():
        return facts
    arrays, found = load_arrays(folder.checkpoint_file)
    progress = Counters.from_facts(found)
    folder.keep_records(progress.epoch)
    save_arrays(folder.weights_file, best_weights_in(arrays), {"epoch": progress.best.epoch})
    outcome = Outcome("stopped", None, progress.epoch, progress.best.epoch, progress.seconds, {})
    return _with_outcome(facts, folder, outcome)


def measure_on_test(path: Path, images: ImageSet, *, threads: int, own: OwnFunctions) -> RunFacts:
    """Measure a finished run's best weights on the test images, and return what run.json then says.

    Raises RunError where the folder is no run, its weights are damaged, or another process is at it.
    """
    folder = RunFolder(path)
    with locked(folder.lock_file, busy=f"{path}: another process is training this run", wait_seconds=30):
        facts = folder.facts()
        weights, _ = load_arrays(folder.weights_file)
        with prepare(facts.run_settings, images, seed=facts.seed, threads=threads, own=own) as session:
            try:
                session.load_weights(0, weights)
            except RunError as error:
                raise RunError(f"{folder.weights_file}: {error}") from error
            facts = _with_test_metrics(facts, session)
        folder.write(facts)
    return facts


def prepare(
    settings: RunSettings,
    images: ImageSet,
    *,
    seed: int,
    threads: int,
    own: OwnFunctions,
    starts: Mapping[str, np.ndarray] | None = None,
    precision: str | None = None,
) -> Session:
    """A session of one run; nothing is trained yet. `precision` is for one whose settings leave it open."""
    engine = find_engine(settings.train.engine, own)
    return engine.prepare([Lane(settings, images, seed, starts or {}, precision)], threads=threads)


class RecordKeeper:
    """Writes each epoch's record to the run's folder, and passes everything on to another watcher.

    `keep` is called with the record first: it writes what the run's kind keeps besides.
    """

    def __init__(
        self, folder: RunFolder, watcher: Watcher | None, *, keep: Callable[[Record], None] = lambda record: None
    ) -> None:
        self.folder = folder
        self.watcher = watcher
        self.keep = keep

    def on_step(self, *, epoch: int, step: int, num_steps: int) -> None:
        if self.watcher is not None:
            self.watcher.on_step(epoch=epoch, step=step, num_steps=num_steps)

    def on_epoch(self, record: dict[str, Any]) -> None:
        self.keep(record)
        self.folder.append_record(record)
        if self.watcher is not None:
            self.watcher.on_epoch(record)

    def wants_stop(self) -> bool:
        return self.watcher is not None and self.watcher.wants_stop()


def _train(group: Sequence[_Begun], *, own: OwnFunctions, on_end: OnEnd) -> None:
    """Train runs as the lanes of one session; raises whatever their nets, objectives and kinds do."""
    settings = [one.job.plan.settings for one in group]
    chosen = [_choosers(one, own) for one in group]
    lanes = [
        Lane(given, one.job.images, one.facts.seed, _starts(one.folder, given), one.precision)
        for one, given in zip(group, settings, strict=True)
    ]
    names = [one.facts.run for one in group]
    with find_engine(settings[0].train.engine, own).prepare(lanes, threads=group[0].facts.threads) as session:
        runs = []
        for lane, (one, (kind, ranking, patience)) in enumerate(zip(group, chosen, strict=True)):
            described, folder = session.describe(lane), one.folder
            standing = standing_of(kind, settings[lane].train, one.job.images.facts, ranking)
            one.facts = replace(
                one.facts,
                precision=session.precision,
                parameters=described.num_parameters,
                layers=[asdict(row) for row in described.layers],
                chosen_by=ranking.metric if ranking else None,
                direction=ranking.direction if ranking else None,
                meaning=standing.meaning,
                otherwise=list(standing.otherwise) if standing.otherwise else None,
                beside=[name for name in names if name != one.facts.run],
            )
            folder.write(one.facts)
            resumed_at = load_facts(folder.checkpoint_file)["epoch"] if folder.checkpoint_file.exists() else 0
            folder.keep_records(resumed_at)
            keep = partial(_keep, folder.path, one.facts, kind, session, lane)
            keeper = RecordKeeper(folder, one.job.watcher, keep=keep)
            runs.append(TrainingRun(settings[lane].train, ranking, patience, folder.checkpoint_file, keeper))

        def end(lane: int, outcome: Outcome) -> None:
            kind, *_ = chosen[lane]
            group[lane].end(_ended(group[lane], outcome, kind, session, lane), on_end)

        train_runs(session, runs, on_end=end)


def _keep(path: Path, facts: RunFacts, kind: Kind, session: Session, lane: int, record: Record) -> None:
    """Write what a run's kind keeps of an epoch that has just ended."""
    if "previews" in kind.keeps:
        run = Run(path, facts, session.nets(lane), kind)
        write_preview(path, record["epoch"], run.sample(NUM_PREVIEWS, seed=0))
    if "batches" in kind.keeps and isinstance(session, TellsBatches):
        append_batches(path, epoch=record["epoch"], last_step=record["step"], batches=session.batches(lane))


def _choosers(one: _Begun, own: OwnFunctions) -> tuple[Kind, Ranking | None, Ranking | None]:
    """A run's kind, what ranks its epochs, and what its patience watches."""
    train, images = one.job.plan.settings.train, one.job.images
    kind = kind_of(train, images.facts, own)
    return kind, *ranking_of(kind, train, images.facts, has_validation=len(images.validation) > 0)


def _ended(one: _Begun, outcome: Outcome, kind: Kind, session: Session, lane: int) -> RunFacts:
    """Keep what a run has come to, measured on test images if it is done; what run.json then says."""
    folder = one.folder
    if outcome.best_epoch is not None:
        save_arrays(folder.weights_file, outcome.weights, {"epoch": outcome.best_epoch})
        session.load_weights(lane, outcome.weights)
    facts = _with_outcome(one.facts, folder, outcome)
    if facts.status == "done":
        facts = replace(facts, calibration=_finished(kind, session, lane, one.job))
        if facts.fold is None:  # where there are folds, they choose first
            facts = _with_test_metrics(facts, session, lane)
    folder.write(facts)
    if facts.status in FINAL:
        folder.remove_checkpoint()
        (folder.path / "error.txt").unlink(missing_ok=True)
    return facts


def _starts(folder: RunFolder, settings: RunSettings) -> Mapping[str, np.ndarray]:
    """The weights from elsewhere that the run begins with."""
    if not settings.model.sources:
        return {}
    if not folder.start_file.exists():
        raise RunError(f"{folder.start_file.name} is missing: the initial weights of this run")
    return load_arrays(folder.start_file)[0]


def _with_outcome(facts: RunFacts, folder: RunFolder, outcome: Outcome) -> RunFacts:
    return replace(
        facts,
        status=outcome.status,
        reason=outcome.reason,
        epochs=outcome.epochs,
        best_epoch=outcome.best_epoch,
        metrics=_best_metrics(folder, outcome),
        seconds=round(outcome.seconds, 3),
    )


def _finished(kind: Kind, session: Session, lane: int, job: RunJob) -> dict[str, Any] | None:
    """The plain facts that a run of this kind keeps once it is trained."""
    if kind.finish is None:
        return None
    return resolve_reference(kind.finish)(session.nets(lane), job.images, job.plan.settings)


def _with_test_metrics(facts: RunFacts, session: Session, lane: int = 0) -> RunFacts:
    measured = session.evaluate("test", lane).get(lane, {})
    if isinstance(measured, Diverged):
        return replace(facts, status="diverged", reason=measured.reason)
    return replace(facts, metrics=facts.metrics | measured)


def _first_facts(plan: RunPlan, images: ImageSet, *, threads: int) -> RunFacts:
    return replace(
        RunFacts.of_plan(plan, threads=threads),
        image_shape=list(images.image_shape),
        class_names=list(images.class_names),
        quantity=as_plain(images.quantity),
        data_name=images.name,
        data_checksum=images.checksum,
        rim_brightness=round(rim_brightness(images.images[images.train[:RIM_IMAGES]]), 4),
    )


def rim_brightness(images: np.ndarray) -> float:
    """The mean of the outermost pixels of uint8 images (num, channel, height, width), in [0, 1]."""
    rows, columns = images[..., [0, -1], :], images[..., :, [0, -1]]
    return (rows.mean() + columns.mean()).item() / 510


def _best_metrics(folder: RunFolder, outcome: Outcome) -> dict[str, float]:
    """The metrics of the best epoch, without what is not one."""
    for record in folder.read_records():
        if record["epoch"] == outcome.best_epoch:
            return {name: value for name, value in record.items() if name.startswith(("train_", "val_"))}
    return {}


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, PapilioError) else f"{type(error).__name__}: {text}"[:500]
