"""The card of an exported run: what it was trained on, how good it is, what goes in and comes out, and what it is not for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from papilio.analysis.comparison import share_interval
from papilio.analysis.spreads import spread_of
from papilio.data.imageset import ImageSet
from papilio.data.leaks import is_leak_note, leak_notes
from papilio.data.load import DRAWN
from papilio.data.splits import SplitName
from papilio.exports.checking import Checked
from papilio.exports.programs import Program
from papilio.exports.snippets import snippet
from papilio.kinds.choosing import unit_of
from papilio.results.image_counts import ImageCounts
from papilio.results.results import StudyResults, TrialResult
from papilio.results.words import counted, metric_number, metric_words
from papilio.runs.run import Run
from papilio.version import __version__

NAMED_CLASSES = 30  # at most, in a card
FEW_IMAGES = 1000
SHARES = ("accuracy", "within_", "hour_accuracy")  # metrics that are shares of images begin so


def card(
    run: Run,
    programs: Sequence[Program],
    checked: Checked,
    *,
    results: StudyResults | None,
    images: ImageSet | None,
    files: Sequence[str],
) -> str:
    """The card as Markdown; `results` are its study's and `images` its set, where they are here."""
    counts, trial = _counts(run, results, images), _trial_of(run, results)
    leaks = _known_leaks(run, results, images)
    parts = [
        f"# {results.title if results else run.facts.stage}: {run.facts.trial}",
        _introduction(run, counts, results),
        f"## Scores\n\n{_scores(run, counts, trial, leaks)}",
        f"## Input and output\n\n{_ports(run, programs)}",
        "## How to use it\n\n" + "\n\n".join(f"```python\n{snippet(run, program)}```" for program in programs),
        f"## Limits\n\n{_limits(run, counts, results)}",
        f"## Checked\n\n{_checked(checked)}",
        "## Files\n\n" + ", ".join(f"`{name}`" for name in files) + f". Written by Papilio {__version__}.",
    ]
    return "\n\n".join(parts) + "\n"


def _introduction(run: Run, counts: ImageCounts | None, results: StudyResults | None) -> str:
    facts, settings = run.facts, run.facts.run_settings
    channel, height, width = run.image_shape
    rows = [
        ("run", f"`{facts.run}`, seed {facts.seed}, {counted(facts.epochs, 'epoch')}, the weights of {_epoch(run)}"),
        ("kind", run.kind.name),
        (
            "network",
            f"{settings.model.family}, {facts.parameters:,} parameters" if facts.parameters else settings.model.family,
        ),
        ("trained on", f"{facts.data_name or 'images'}: {_counts_in_words(counts, run)}{_fold_words(run)}"),
        ("images", f"{height} × {width} pixels (height × width), {'gray' if channel == 1 else 'color'}"),
    ]
    if run.class_names:
        rows.append(("classes", _class_words(run.class_names)))
    if run.quantity is not None:
        unit = "minutes on a dial of twelve hours" if run.quantity.is_time else run.quantity.unit or "the labels' unit"
        rows.append(("shows", f"a number on a circle, from 0 to below {run.quantity.period:g}, in {unit}"))
    if results is not None and results.reduced:
        rows.append(("reduced", f"{results.reduced}: a first try"))
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {_cell(text)} |" for name, text in rows)


def _scores(run: Run, counts: ImageCounts | None, trial: TrialResult | None, leaks: Mapping[SplitName, str]) -> str:
    """The scores of a run with intervals; `leaks` has by split what is known of images that are in an earlier split, too."""
    split = "test" if any(name.startswith("test_") for name in run.metrics) else "val"
    num = None if counts is None else counts.test if split == "test" else counts.validation
    names = [name for name in run.metrics if name.startswith(f"{split}_")]
    if run.kind.ranked_by is None:
        return "No scores: no metric ranks runs of this kind. The report shows its images next to real ones."
    if not names:
        return "No scores: there were no test images, and no validation images."
    num_runs = len(trial.finished) if trial is not None else 1
    header = ["", "this run", "95% interval", *([f"mean ± sd of {num_runs} runs"] if num_runs > 1 else [])]
    rows = []
    for name in names:
        spread = spread_of(trial, name) if trial is not None and num_runs > 1 else None
        row = [
            _metric_words(run, name),
            metric_number(name, run.metrics[name]),
            _interval(name, run.metrics[name], num),
        ]
        rows.append([*row, str(spread)] if spread else [*row, "–"][: len(header)])
    table = "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])
    measured = f"Measured on {counted(num, 'image')}" if num else "Measured on images"
    if split == "val":
        seen = " that also selected the epoch, so the scores are optimistically biased (there were no test images)."
        leak = leaks.get("validation")
    else:
        leak = leaks.get("test")
        seen = " that training and selection did not see." if leak is None else " of the test split."
    known = f" {leak}." if leak else ""
    return f"{measured}{seen}{known} Intervals (Wilson) are given for proportions only.\n\n{table}"


def _known_leaks(run: Run, results: StudyResults | None, images: ImageSet | None) -> dict[SplitName, str]:
    """By split what is known of images with the same pixels as others: looked for where the set is here, else written down."""
    if images is not None and images.checksum == run.facts.data_checksum:
        notes = leak_notes(images)
    else:
        described = results.environment.get("data", []) if results is not None else []
        notes = [note for one in described if one.get("name") == run.facts.data_name for note in one.get("notes", ())]
    splits: tuple[SplitName, ...] = ("validation", "test")
    return {split: note for split in splits for note in notes if is_leak_note(note, split)}


def _metric_words(run: Run, name: str) -> str:
    """A metric in words, with the unit that it is measured in."""
    metric = name.partition("_")[2]
    if run.quantity is not None and metric.endswith("error"):
        unit = run.quantity.unit
    else:
        unit = unit_of(run.kind, run.facts.run_settings.train, metric)
    return metric_words(name) + (f" ({unit})" if unit else "")


def _interval(name: str, value: float, num: int | None) -> str:
    metric = name.partition("_")[2]
    if not num or not metric.startswith(SHARES):
        return "–"
    return " to ".join(f"{end:.4f}" for end in share_interval(min(1.0, max(0.0, value)), num))


def _ports(run: Run, programs: Sequence[Program]) -> str:
    lines = []
    for program in programs:
        lines.append(f"`{program.file}`, for any number `num` of them at a time:\n")
        ports = [("in", port) for port in program.inputs] + [("out", port) for port in program.outputs]
        lines += ["| | name | type | shape | |", "|---|---|---|---|---|"]
        lines += [f"| {way} | `{one.name}` | {one.type} | {one.shape} | {_cell(one.meaning)} |" for way, one in ports]
        lines.append("")
    if programs[0].inputs[0].name == "images":
        _, height, width = run.image_shape
        lines.append(
            "Preprocessing of pixel values is part of the model: pass uint8 pixels as they are. Before that, Papilio applies a"
            " picture's EXIF orientation, composites transparency onto white, scales the picture to cover"
            f" {height} × {width} pixels, and center-crops it."
        )
    return "\n".join(lines).strip()


def _limits(run: Run, counts: ImageCounts | None, results: StudyResults | None) -> str:
    facts = run.facts
    what = "the image set" + (f" {facts.data_name}" if facts.data_name else "")
    told = [f"It was trained and evaluated only on pictures like those of {what}."]
    if facts.run_settings.data.name in DRAWN:
        told.append("Those are drawn, not photographed.")
    if run.class_names and "probabilities" in run.kind.offers:
        told.append(
            "It always predicts one of its classes, even for unrelated pictures. Probabilities are not calibrated."
        )
    if run.quantity is not None:
        told.append(
            "It reads the picture as a whole. `papilio predict` also searches parts of a picture and says when it is not sure."
        )
    if run.image_shape[0] == 1 and "predict" in run.kind.offers:
        told.append("It ignores color.")
    if counts is not None and counts.train < FEW_IMAGES:
        told.append(f"It was trained on few images ({counts.train:,}).")
    if counts is not None and 0 < counts.test < FEW_IMAGES and run.kind.ranked_by is not None:
        told.append(f"It was measured on few images ({counts.test:,}): see the intervals.")
    if results is not None and results.reduced:
        told.append(f"The study was run reduced ({results.reduced}).")
    if results is not None and len(results.trials(facts.stage)) > 1 and results.ranking(facts.stage) is not None:
        num = len(results.trials(facts.stage))
        told.append(f"Its trial is one of {num:,}; the choice among them was made on validation images.")
    return "\n".join(f"- {one}" for one in told)


def _checked(checked: Checked) -> str:
    rows = [f"| {name} | {difference:.2g} |" for name, difference in checked.differences.items()]
    return (
        f"Compared by onnxruntime with the run's own answers on {checked.what}, as one batch, and one of them alone.\n\n"
        + "\n".join(["| output | largest difference |", "|---|---|", *rows])
    )


def _counts(run: Run, results: StudyResults | None, images: ImageSet | None) -> ImageCounts | None:
    """From what the study wrote down of its sets, or from the set itself where it is the one that the run was trained on.

    None where neither is known.
    """
    described = results.environment.get("data", []) if results is not None else []
    of_this = [one for one in described if one.get("checksum") == run.facts.data_checksum]
    if of_this:
        return ImageCounts.of_set(of_this[0])
    if images is not None and images.checksum == run.facts.data_checksum:
        return ImageCounts(len(images.train), len(images.validation), len(images.test))
    return _fold_counts(run, described)


def _fold_counts(run: Run, described: Sequence[Mapping[str, Any]]) -> ImageCounts | None:
    """Of the whole set, which the study wrote down, the run's fold; None where several sets of its name differ."""
    settings, fold = run.facts.run_settings, run.facts.fold
    of_name = [ImageCounts.of_set(one) for one in described if one.get("name") == run.facts.data_name]
    asked = {one for one in of_name if settings.data.num_train in (None, one.train)}
    if fold is None or settings.folds is None or len(asked) != 1:
        return None
    return asked.pop().in_fold(fold, of=settings.folds)


def _trial_of(run: Run, results: StudyResults | None) -> TrialResult | None:
    if results is None:
        return None
    return next((one for one in results.trials(run.facts.stage) if one.name == run.facts.trial), None)


def _epoch(run: Run) -> str:
    facts = run.facts
    if facts.ranking is None or facts.best_epoch is None:
        return "the last"
    return f"epoch {facts.best_epoch}, the best by {metric_words(facts.ranking.metric)}"


def _counts_in_words(counts: ImageCounts | None, run: Run) -> str:
    data, ranking = run.facts.run_settings.data, run.facts.ranking
    if counts is None and data.render:
        return ", ".join(f"{name} {value}" for name, value in data.render.items())
    if counts is None:
        return "number of images unknown"
    used = " (used to select the epoch)" if ranking is not None and ranking.metric.startswith("val_") else ""
    others = [(counts.validation, "validation image", used), (counts.test, "test image", "")]
    told = ", ".join(f"{counted(num, what)}{more}" for num, what, more in others if num)
    return counted(counts.train, "training image") + (f"; {told}" if told else "")


def _fold_words(run: Run) -> str:
    fold, of = run.facts.fold, run.facts.run_settings.folds
    return "" if fold is None or of is None else f" (fold {fold} of {of})"


def _class_words(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED_CLASSES])
    return f"{len(names):,}: {shown}" + (", ..." if len(names) > NAMED_CLASSES else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
