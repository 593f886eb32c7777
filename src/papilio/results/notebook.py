"""Results in words and as short HTML, as a Python prompt and a notebook show them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from papilio.results.metrics import on_split, shown_metrics
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.results.units import metric_heading, shared_units
from papilio.results.words import counted, duration, is_count, mean_spread, metric_number, metric_words
from papilio.runs.folder import OVER
from papilio.runs.run import Run
from papilio.snippets import box, line, picture, table

MOST_TRIALS = 10  # of a stage
MOST_FIGURES = 4
MOST_METRICS = 3  # in a line
FIGURE_PIXELS = 360  # the longer side of a figure made small


def study_words(results: StudyResults) -> str:
    """For example <StudyResults 'First look': 9 of 9 runs finished, in results/first-look>."""
    reduced = f"; reduced: {results.reduced}" if results.reduced else ""
    return f"<StudyResults {results.title!r}: {_finished(results)}{reduced}, in {results.folder}>"


def trial_words(trial: TrialResult) -> str:
    """For example <TrialResult 'CNN' of stage 'classifiers': 3 of 3 runs done, val_accuracy 0.9867 ± 0.0014>."""
    metrics = [] if trial.ranking is None else [on_split(trial.ranking.metric, "test"), trial.ranking.metric]
    told = next((f", {name} {_mean(trial, name)}" for name in metrics if trial.has(name)), "")
    num = f"{len(trial.finished)} of {counted(len(trial.runs), 'run')} done"
    return f"<TrialResult {trial.name!r} of stage {trial.stage!r}: {num}{told}>"


def run_words(run: RunResult) -> str:
    """For example <RunResult 'CNN', seed 0: done, val_loss 0.0412, val_accuracy 0.9875, in results/.../runs/...>."""
    return f"<RunResult {run.trial!r}, {_which(run)}: {run.status}{_told(run.metrics)}, in {run.folder}>"


def study_html(results: StudyResults) -> str:
    """The stages' best trials, and where the report is."""
    report = results.folder / "report.html"
    head = _finished(results) + (f"; reduced: {results.reduced}" if results.reduced else "")
    where = f"report: {report}" if report.exists() else f"in {results.folder}"
    return box(results.title, line(head), *(_stage_html(results, stage) for stage in results.stages), line(where))


def trial_html(trial: TrialResult) -> str:
    """Its runs, a row each, and means."""
    names = list(dict.fromkeys(name for run in trial.runs for name in run.metrics))
    rows = [[_which(run), run.status, *_metrics(run.metrics, names), duration(run.seconds)] for run in trial.runs]
    if len(trial.finished) > 1:
        rows.append(["mean", "", *(_mean(trial, name) for name in names), ""])
    heading = f"{trial.name} ({trial.stage})"
    return box(heading, table(["run", "status", *_headings(trial.runs, names), "training time"], rows))


def run_html(run: RunResult) -> str:
    """What it is and came to, and its figures, small."""
    reason = f": {run.reason}" if run.reason else ""
    facts = [("stage", run.stage), ("status", f"{run.status}{reason}"), ("epochs", _epochs(run))]
    facts += [("parameters", f"{run.parameters:,}")] if run.parameters else []
    facts += [(key, value) for key, value in run.varied.items()]
    headings = _headings([run], run.metrics)
    facts += [(words, metric_number(*one)) for words, one in zip(headings, run.metrics.items(), strict=True)]
    facts += [("training time", duration(run.seconds)), ("folder", run.folder)]
    return box(f"{run.trial}, {_which(run)}", table([], facts), *figures_html(run.folder))


def trained_words(run: Run) -> str:
    """For example <Run 'CNN', seed 0: classify, test_accuracy 0.9837, in results/.../runs/...>."""
    facts = run.facts
    return f"<Run {facts.trial!r}, seed {facts.seed}: {run.kind.name}{_told(facts.metrics)}, in {run.folder}>"


def trained_html(run: Run) -> str:
    """What a trained run is, what it came to, what it can do, and its figures, small."""
    facts = run.facts
    rows = [("kind", run.kind.name), ("can", ", ".join(run.kind.offers))]
    rows += [("images", "×".join(map(str, run.image_shape))), ("trained on", facts.data_name)]
    rows += [("parameters", f"{facts.parameters:,}")] if facts.parameters else []
    rows += [(metric_words(name), metric_number(name, value)) for name, value in facts.metrics.items()]
    rows += [("folder", run.folder)]
    return box(f"{facts.trial}, seed {facts.seed}", table([], rows), *figures_html(run.folder))


def figures_html(run_folder: Path) -> Iterator[str]:
    """The first figures that the report has of a run, small; none where there is no report."""
    for file in sorted(run_folder.parents[1].glob(f"figures/*-{run_folder.name}-*.png"))[:MOST_FIGURES]:
        with contextlib.suppress(OSError):
            label = file.stem.partition(f"{run_folder.name}-")[2].replace("-", " ")
            yield picture(_made_small(file), kind="webp", label=label)


def _made_small(file: Path) -> bytes:
    from PIL import Image

    small = io.BytesIO()
    with Image.open(file) as figure:
        figure.thumbnail((FIGURE_PIXELS, FIGURE_PIXELS))
        figure.save(small, format="webp", quality=85)
    return small.getvalue()


def _stage_html(results: StudyResults, stage: str) -> str:
    metrics, ranked = shown_metrics(results, stage), results.ranked(stage)
    names = {trial.name for trial in ranked}
    trials = ranked + [trial for trial in results.trials(stage) if trial.name not in names]
    rows = [[trial.name, _num(trial), *(_mean(trial, name) for name in metrics)] for trial in trials[:MOST_TRIALS]]
    more = f"and {counted(len(trials) - MOST_TRIALS, 'more trial')}" if len(trials) > MOST_TRIALS else ""
    headings = _headings([run for trial in trials for run in trial.runs], metrics)
    return box(stage, table(["trial", "runs", *headings], rows), line(more) if more else "")


def _headings(runs: Sequence[RunResult], metrics: Iterable[str]) -> list[str]:
    """Metrics in words, with the units that the runs share."""
    names = list(metrics)
    units = shared_units(runs, names)
    return [metric_heading(name, units) for name in names]


def _num(trial: TrialResult) -> str:
    done, num = len(trial.finished), len(trial.runs)
    return str(num) if done == num else f"{done} of {num} done"


def _mean(trial: TrialResult, metric: str) -> str:
    if not trial.has(metric):
        return "–"
    values = trial.values(metric)
    return mean_spread(trial.mean(metric), trial.spread(metric), len(values), is_count=is_count(metric))


def _metrics(metrics: Mapping[str, float], names: list[str]) -> Iterator[str]:
    return (metric_number(name, metrics[name]) if name in metrics else "–" for name in names)


def _told(metrics: Mapping[str, float]) -> str:
    """The first metrics on test images; of a run that has none, those on validation images."""
    names = next(
        (some for split in ("test_", "val_", "") if (some := [one for one in metrics if one.startswith(split)])), []
    )
    return "".join(f", {name} {metric_number(name, metrics[name])}" for name in names[:MOST_METRICS])


def _which(run: RunResult) -> str:
    return f"seed {run.seed}" + ("" if run.fold is None else f", fold {run.fold}")


def _epochs(run: RunResult) -> str:
    return f"{run.epochs}" + (f", the best was {run.best_epoch}" if run.best_epoch else "")


def _finished(results: StudyResults) -> str:
    over = sum(run.status in OVER for run in results.runs)
    return f"{over} of {counted(len(results.runs), 'run')} finished"
