"""What of a study cannot run, found before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from papilio.data.leaks import num_trained_on
from papilio.data.small_sets import few_validation_images
from papilio.data.splits import SPLITS
from papilio.engine import Engine, find_engine
from papilio.errors import SettingError, StudyError, agreed, did_you_mean
from papilio.kinds.kind import ANYTHING, Kind, Planned
from papilio.kinds.ranking import Standing, common_ranking
from papilio.runs.plan import RunPlan
from papilio.settings.train_settings import num_batches
from papilio.studies.asked import AnalysisChecks, looks_at_runs, refuse_impossible_analyses, where_of
from papilio.studies.images import StudyImages
from papilio.studies.schema import AnalysisSettings, StageSettings
from papilio.studies.study import Study

MOST_NAMED = 3
FEW_STEPS = 10  # per epoch
MOST_KNOWN = 0.01  # of test images that a run was trained on: fewer may be equal by chance, as drawn ones are
ENOUGH_STEPS = 1000  # in all, however few an epoch has


def refuse_impossible_runs(study: Study, plans: Iterable[RunPlan], images: StudyImages) -> list[str]:
    """Let the engine check each different structure, and see to what ranks each stage and what is to be looked at.

    What there is to say of analyses that some of the trials have nothing for. Raises StudyError for a network that does not fit
    its images, a metric or an optimizer's argument that does not exist, for an analysis that fits no run, and for a stage that
    needs a ranking and has none.
    """
    checked: set[tuple[str, str | None]] = set()
    kinds: dict[str, list[Kind]] = {}  # by stage
    standings: dict[str, list[Standing]] = {}
    analyses = AnalysisChecks(study.settings.analysis)
    known = list(plans)
    for plan in known:
        try:
            standing = images.standing_of(plan)
            different = images.structure_of(plan), plan.stage if analyses.tell_stages_apart else None
            if different not in checked:
                engine = find_engine(plan.settings.train.engine, study.own)
                engine.check(plan.settings, images.of_run(plan).facts)
                kind = images.kind_of(plan)
                kinds.setdefault(plan.stage, []).append(kind)
                _refuse_other_images(study, plan, kind, images)
                analyses.look_at(kind, plan.stage, plan.trial, partial(_planned, engine, plan, kind, images))
                checked.add(different)
        except SettingError as error:
            raise StudyError(f"{study.where}: {plan.place}: {error}") from error
        except StudyError as error:
            raise StudyError(f"{study.where}: {error}") from error
        standings.setdefault(plan.stage, []).append(standing)
    try:
        refuse_impossible_analyses(study.settings.analysis, kinds)
        notes = analyses.notes()
    except (SettingError, StudyError) as error:
        raise StudyError(f"{study.where}: {error}") from error
    for stage in study.settings.stage:
        _refuse_missing_ranking(study, stage, standings)
    _refuse_unranked_weights(study, known, standings)
    _refuse_unknown_published(study, known, images)
    return notes


def _refuse_unknown_published(study: Study, plans: Iterable[RunPlan], images: StudyImages) -> None:
    """Raises StudyError for a published number of a metric that no run of its stage will have."""
    recorded: dict[str, set[str]] = {row.stage: set() for row in study.settings.published}
    unknown_metrics: set[str] = set()  # stages with metrics of the user's own, of which only training tells
    structures = {(plan.stage, images.structure_of(plan)): plan for plan in plans if plan.stage in recorded}
    for plan in structures.values():
        kind = images.kind_of(plan)
        if kind.has_other_metrics:
            unknown_metrics.add(plan.stage)
            continue
        metrics = kind.metrics(plan.settings.train, images.of_run(plan).facts)
        recorded[plan.stage] |= {f"{split}_{metric}" for split in ("train", "val", "test") for metric in metrics}
    for number, row in enumerate(study.settings.published, start=1):
        known = set() if row.stage in unknown_metrics else recorded[row.stage]
        unknown = next((name for name in row.metrics if name not in known), None)
        if unknown is not None and known:
            raise StudyError(
                f"{study.where}: [[published]] {number}: {unknown} is not a metric of stage {row.stage!r};"
                f" {did_you_mean(unknown, known)}"
            )


def _planned(engine: Engine, plan: RunPlan, kind: Kind, images: StudyImages, table: AnalysisSettings) -> Planned:
    """A run before it is trained, with the images at which a table looks."""
    latents = plan.settings.model.arguments.get("latents")
    describe = partial(engine.describe, plan.settings, images.of_run(plan).facts)
    looked_at = images.of_analysis(table, plan.settings, plan.fold)
    return Planned(kind, plan.settings, looked_at, latents if isinstance(latents, int) else None, describe)


def planning_notes(plans: Iterable[RunPlan], images: StudyImages) -> list[str]:
    """What there is to say of runs, a line each, before they are trained."""
    known = list(plans)
    notes = [_clamped_note(known, images), _mirrored_note(known, images), _few_steps_note(known, images)]
    of_images = [*_untrained_notes(known, images), *_small_notes(known, images)]
    return list(filter(None, [*_notes_of_images(known, images), *notes, *of_images]))


def _notes_of_images(plans: Iterable[RunPlan], images: StudyImages) -> list[str]:
    """What reading people's own pictures or arrays had to say."""
    own = [images.of(plan.settings.data) for plan in plans if plan.settings.data.path is not None]
    return list(dict.fromkeys(f"{one.name}: {note}" for one in own for note in one.notes))


def _small_notes(plans: Iterable[RunPlan], images: StudyImages) -> list[str]:
    """Says, in a line for each image set, that few validation images choose, where no folds make up for it."""
    notes = []
    for plan in plans:
        ranking = images.standing_of(plan).ranking
        if plan.fold is not None or ranking is None or not ranking.metric.startswith("val_"):
            continue
        one = images.of_run(plan)
        few = few_validation_images(len(one.validation), has_classes=images.kind_of(plan).shows == {"class"})
        if few is not None:
            folds = "" if plan.settings.model.sources else "set folds = 5 in [[stage]], or "
            notes.append(f"{one.name}: {few}; {folds}add images")
    return list(dict.fromkeys(notes))


def _untrained_notes(plans: Iterable[RunPlan], images: StudyImages) -> list[str]:
    """Says, in a line for each image set, of which classes a classifier has nothing to train on."""
    classified = [images.of_run(plan) for plan in plans if images.kind_of(plan).shows == {"class"}]
    notes = []
    for one in {id(images): images for images in classified}.values():
        counts = {split: np.bincount(one.labels[one.indices(split)], minlength=one.num_classes) for split in SPLITS}
        missing = np.flatnonzero(counts["train"] == 0)
        if len(missing):
            names = ", ".join(repr(one.class_names[label]) for label in missing[:MOST_NAMED])
            more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
            elsewhere = " and ".join(split for split in SPLITS if counts[split][missing].any())
            their, these = ("its name", "this class") if len(missing) == 1 else ("their names", "these classes")
            only = f"{elsewhere} images" if elsewhere else their
            notes.append(
                f"{one.name}: no training images of {names}{more} (only {only}), so {these} cannot be learned;"
                " add training images, or fix the folder names"
            )
    return list(dict.fromkeys(notes))


def _clamped_note(plans: Iterable[RunPlan], images: StudyImages) -> str | None:
    """Says, in a line, that a run trains on fewer images than its settings name, as a fraction leaves no more."""
    for plan in plans:
        data, num = plan.settings.data, len(images.of_run(plan).train)
        if plan.fold is None and data.num_train is not None and data.num_train > num:
            return (
                f"{plan.place}: training on {agreed(num, '{} image', '{} images')}, not data.num_train = {data.num_train:,}:"
                f" data.fraction = {data.fraction:g} leaves no more"
            )
    return None


def _mirrored_note(plans: Iterable[RunPlan], images: StudyImages) -> str | None:
    """Says, in a line, that a run mirrors pictures whose mirror images show other numbers, as those of dials do."""
    for plan in plans:
        train = plan.settings.train
        keys = [
            key for key, one in (("augment", train.augment), ("views", train.views)) if one is not None and one.flip
        ]
        if keys and images.kind_of(plan).shows == {"quantity"}:
            which = " and ".join(f"train.{key}.flip" for key in keys)
            return (
                f"{plan.place}: {which}: mirroring a dial changes its value; leave this out, unless mirroring does not change"
                " what your pictures show"
            )
    return None


def _few_steps_note(plans: Iterable[RunPlan], images: StudyImages) -> str | None:
    """Says, in a line, that a run will hardly learn as it takes a few steps only; None where every run takes enough.

    Of several such runs it is the one with the fewest steps that is told of.
    """
    few = []
    for plan in plans:
        train, num_images = plan.settings.train, len(images.of_run(plan).train)
        steps = num_batches(num_images, train.batch_size)
        if steps < FEW_STEPS and steps * train.epochs < ENOUGH_STEPS:
            few.append((steps * train.epochs, steps, num_images, plan))
    if not few:
        return None
    total, steps, num_images, plan = min(few, key=lambda one: one[0])
    train = plan.settings.train
    return (
        f"{plan.place}: {steps} step{'s' if steps > 1 else ''} per epoch, {total} in all"
        f" ({num_images:,} training image{'s' if num_images > 1 else ''}, train.batch_size = {train.batch_size});"
        " too few to learn much: set a smaller train.batch_size or more train.epochs"
    )


def _refuse_other_images(study: Study, plan: RunPlan, kind: Kind, images: StudyImages) -> None:
    """Raises SettingError where a run cannot look at the images that an analysis names."""
    own = images.of_run(plan).facts
    for number, table in enumerate(study.settings.analysis, start=1):
        if not table.data or not table.is_about(plan.stage) or not looks_at_runs(table, kind):
            continue
        where = where_of(number, table.kind)
        other = images.of_analysis(table, plan.settings, plan.fold, where=where)
        is_alike = other.facts.class_names == own.class_names and other.facts.quantity == own.quantity
        if other.facts.shape != own.shape or not (is_alike or kind.shows == ANYTHING):
            raise SettingError(
                f"{where}: data: the images of {other.name} differ from the run's images in shape, or show"
                " something else"
            )
        num_known = num_trained_on(other, images.of_run(plan))
        if num_known > MOST_KNOWN * len(other.test):
            known = agreed(num_known, "{} of its test images is", "{} of its test images are")
            raise SettingError(
                f"{where}: data: {known} among the run's training or validation images; use the run's own seed, test,"
                " validation, fraction and labels, or choose another image set"
            )


def _refuse_missing_ranking(study: Study, stage: StageSettings, standings: dict[str, list[Standing]]) -> None:
    """Raises StudyError where something is to choose among trials that nothing ranks."""
    source = stage.source.stage if stage.source is not None and stage.source.study is None else None
    needs = [
        (stage.name, stage.pruner is not None, "pruner needs a ranking"),
        (stage.name, stage.sampler.name == "tpe", "sampler = tpe needs a ranking"),
        (stage.name, stage.folds is not None, "folds need a ranking"),
        (source, source is not None, f'from = "{source}" needs a ranking'),
    ]
    for name, is_asked, need in needs:
        if is_asked and common_ranking(standings.get(str(name), [])) is None:
            what = "that stage" if name == source else "this stage"
            raise StudyError(
                f'{study.where}: stage "{stage.name}": {need}, but {what} is not ranked by one metric;'
                " set train.best to a metric that all its trials have"
            )


def _refuse_unranked_weights(study: Study, plans: list[RunPlan], standings: dict[str, list[Standing]]) -> None:
    """Raises StudyError where weights are those of a stage's best trial, and nothing says which of several that is."""
    taken = {(name, plan.stage): None for plan in plans for name in plan.settings.model.stages()}
    for name, stage in taken:
        num_trials = len({plan.trial for plan in plans if plan.stage == name})
        if num_trials > 1 and common_ranking(standings.get(name, [])) is None:
            raise StudyError(
                f'{study.where}: stage "{stage}": takes weights of "{name}", whose {num_trials} trials are not ranked by one'
                " metric; set train.best to a metric that all of them have"
            )
