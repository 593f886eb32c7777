"""From which runs others take weights, and whether those have seen the images that these are measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from papilio.data.imageset import ImageSet
from papilio.engine import Arrays, TellsWeights, find_engine
from papilio.errors import DataError, PapilioError, RunError, StudyError, agreed
from papilio.files import checksum
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.plan import RunPlan
from papilio.runs.shipped import find_run, shipped_runs
from papilio.runs.starts import Origin, bring_weights, refuse_other_weights, taken_of, taken_weights
from papilio.search.expected import is_known_before
from papilio.search.search import StudySearch
from papilio.search.sources import best_trials, results_of
from papilio.settings.run_settings import NetFrom, RunSettings
from papilio.studies.images import StudyImages

T = TypeVar("T")


class Origins:
    """Finds the run that each net's weights come from, and brings them into a new run's folder."""

    def __init__(self, search: StudySearch, images: StudyImages) -> None:
        self.search = search
        self.images = images
        self.elsewhere: dict[tuple[str | None, str | None], list[Origin]] = {}  # of other studies, by study and stage
        self.digests: dict[str, list[bytes]] = {}  # of a set's images, by its checksum
        self.known: dict[tuple[Path, int, int], str] = {}  # checksums of files, by when they were written
        self.possible: set[tuple[str, NetFrom, str]] = set()  # what was looked at before anything is trained
        self.fitting: set[str] = set()  # structures with sources whose weights were found to fit
        self.harmless: set[tuple[str, str]] = set()  # images trained on and images measured on

    def refuse_impossible(self, plans: Sequence[RunPlan]) -> None:
        """Before anything is trained: raises StudyError for weights that do not exist, or have seen what they must not.

        And for those of another network. Of a stage of this study, which has no runs yet, images can be looked at, and what
        networks its trials will have, where no results decide that.
        """
        for plan in plans:
            for key, source in plan.settings.model.sources.items():
                try:
                    self._refuse_impossible(plan, key, source, plans)
                except PapilioError as error:
                    raise StudyError(f"{self._where(plan)}: model.{key}: {error}") from error
            try:
                self._refuse_other_shapes(plan, plans)
            except PapilioError as error:
                raise StudyError(f"{self._where(plan)}: {error}") from error

    def _where(self, plan: RunPlan) -> str:
        return f"{self.search.study.where}: {plan.place}"

    def bring(self, plan: RunPlan) -> None:
        """Put what a run begins with into its folder; raises RunError where that cannot be, or it began with other weights."""
        sources = plan.settings.model.sources
        if not sources:
            return
        origins = {key: self._checked(plan, key, source) for key, source in sources.items()}
        bring_weights(self._folder(plan), sources, origins, self._checksums(origins))

    def refuse_changed(self, plan: RunPlan) -> None:
        """Raises RunError where a run that is finished began with other weights than it would now."""
        sources = plan.settings.model.sources
        if not sources or not self._folder(plan).is_finished():
            return
        origins = {key: self._checked(plan, key, source) for key, source in sources.items()}
        refuse_other_weights(self._folder(plan), origins, self._checksums(origins))

    def _refuse_impossible(self, plan: RunPlan, key: str, source: NetFrom, plans: Iterable[RunPlan]) -> None:
        known = key, source, self.images.of_run(plan).checksum
        if known in self.possible:
            return
        self.possible.add(known)
        if not _is_of_this_study(source):
            origin = self._origin(plan, source)
            self._refuse_seen(plan, origin)
            taken_weights(origin, source, key)
            return
        sisters = [one for one in plans if one.stage == source.stage]
        for one in _of_fold(sisters, plan.fold, lambda sister: sister.fold):
            images = self.images.of_fold(one.settings, one.fold)
            self._refuse_seen_images(plan, images, f'stage "{source.stage}"')

    def _refuse_other_shapes(self, plan: RunPlan, plans: Sequence[RunPlan]) -> None:
        """Raises RunError where no weights that a net may begin with fit it."""
        sources = plan.settings.model.sources
        structure = self.images.structure_of(plan) + str(sources)
        if not sources or structure in self.fitting:
            return
        self.fitting.add(structure)
        engine = find_engine(plan.settings.train.engine, self.search.study.own)
        for key, source in sources.items():
            misfit: RunError | None = None
            for take in self._possible_weights(plan, key, source, plans):
                try:
                    starts = {f"{key}/{name}": array for name, array in take().items()}
                    engine.refuse_other_starts(plan.settings, self.images.of_run(plan).facts, starts)
                    misfit = None
                    break
                except RunError as error:
                    misfit = misfit or error
            if misfit is not None:
                whose = f'weights of stage "{source.stage}": ' if _is_of_this_study(source) else ""
                raise RunError(f"{whose}{misfit}") from misfit

    def _possible_weights(
        self, plan: RunPlan, key: str, source: NetFrom, plans: Sequence[RunPlan]
    ) -> list[Callable[[], Arrays]]:
        """The weights of a run that exists; or, of a stage to come, those that its different networks will have."""
        if not _is_of_this_study(source):
            return [lambda: taken_weights(self._origin(plan, source), source, key)[1]]
        if not is_known_before(self.search.study, str(source.stage), plans):
            return []
        sisters = {self.images.structure_of(one): one for one in plans if one.stage == source.stage}
        return [partial(self._first_weights, one, key, source) for one in sisters.values()]

    def _first_weights(self, plan: RunPlan, key: str, source: NetFrom) -> Arrays:
        """What of a run's weights is to be taken, before it is trained; nothing where its engine cannot tell."""
        engine = find_engine(plan.settings.train.engine, self.search.study.own)
        if not isinstance(engine, TellsWeights):
            return {}
        facts = self.images.of_run(plan).facts
        rows = () if source.until is None else engine.describe(plan.settings, facts).layers
        weights = engine.first_weights(plan.settings, facts)
        return taken_of(weights, [row.name for row in rows], source, key, where="its network")[1]

    def _checked(self, plan: RunPlan, key: str, source: NetFrom) -> Origin:
        try:
            origin = self._origin(plan, source)
            self._refuse_seen(plan, origin)
        except PapilioError as error:
            raise RunError(f"{plan.name}: model.{key}: {error}") from error
        return origin

    def _origin(self, plan: RunPlan, source: NetFrom) -> Origin:
        """The run whose weights a net takes: of the same fold and seed where there are several."""
        if source.run is not None:
            candidates, what = [Origin(find_run(source.run), source.run)], source.run
        elif _is_of_this_study(source):
            candidates, what = self._of_stage(str(source.stage)), f'stage "{source.stage}"'
        else:
            candidates, what = self._of_study(source), str(source.study)
        found = [(origin, facts) for origin in candidates if (facts := origin.facts()).status == "done"]
        if not found:
            raise RunError(f"{what}: has no finished run with weights")
        fitting = _of_fold(found, plan.fold, lambda one: one[1].fold)
        return _best([one for one in fitting if one[1].seed == plan.seed] or fitting)

    def _of_stage(self, name: str) -> list[Origin]:
        stage = self.search.searches.get(name)
        trial = next((trial for trial in stage.ranked() if trial.is_done), None) if stage is not None else None
        runs = [] if trial is None else [run.plan.name for run in trial.runs]
        return [Origin(self.search.folder / "runs" / run, f"{name}/{run}") for run in runs]

    def _of_study(self, source: NetFrom) -> list[Origin]:
        key = source.study, source.stage
        if key not in self.elsewhere:
            results = results_of(str(source.study), self.search.folder, where="study")
            (trial,) = best_trials(results, source.stage, top=1, where="study")
            self.elsewhere[key] = [Origin(run.folder, str(run.folder)) for run in trial.runs]
        return self.elsewhere[key]

    def _checksums(self, origins: Mapping[str, Origin]) -> dict[str, str]:
        """Of the files of weights, each read again only where it was written again."""
        found = {}
        for key, origin in origins.items():
            stat = origin.weights_file.stat()
            stamp = origin.weights_file, stat.st_mtime_ns, stat.st_size
            if stamp not in self.known:
                self.known[stamp] = checksum(origin.weights_file)
            found[key] = self.known[stamp]
        return found

    def _folder(self, plan: RunPlan) -> RunFolder:
        return RunFolder(self.search.folder / "runs" / plan.name)

    def _refuse_seen(self, plan: RunPlan, origin: Origin) -> None:
        """Raises RunError where a run, or one that its own weights came from, has seen what the new one is measured on."""
        for name, facts in _ancestors(origin):
            if facts.data_checksum == self.images.of_run(plan).checksum:
                continue
            images = self._images_of(name, facts.run_settings, facts)
            self._refuse_seen_images(plan, images, name)

    def _images_of(self, name: str, settings: RunSettings, facts: RunFacts) -> ImageSet:
        doubt = "so it is unknown whether it has seen the images that this run is evaluated on"
        try:
            images = self.images.of_fold(settings, facts.fold)
        except DataError as error:
            raise RunError(f"{name}: the images that it was trained on are missing ({error}), {doubt}") from error
        if images.checksum != facts.data_checksum:
            raise RunError(f"{name}: {images.name} has changed since this run was trained on it, {doubt}")
        return images

    def _refuse_seen_images(self, plan: RunPlan, other: ImageSet, what: str) -> None:
        """What the new run trains on does not count: that others have seen it tells them nothing new.

        Under folds its validation images choose, too, so that they must not have been trained on either.
        """
        own = self.images.of_run(plan)
        if other.checksum == own.checksum or (other.checksum, own.checksum) in self.harmless:
            return
        known = self._of_splits(own, "train")
        seen = self._of_splits(other, "train")
        num_test = len((self._of_splits(own, "test") & (seen | self._of_splits(other, "validation"))) - known)
        if num_test:
            known_images = agreed(num_test, "{} of this run's test images is", "{} of this run's test images are")
            raise RunError(
                f"{what}: {known_images} among its training or validation images; use the same [data] for both, or image sets"
                " without common images"
            )
        num_validation = len((self._of_splits(own, "validation") & seen) - known)
        if plan.fold is not None and num_validation:
            known_images = agreed(
                num_validation, "{} of this fold's validation images is", "{} of this fold's validation images are"
            )
            raise RunError(f"{what}: {known_images} among its training images; use the same folds and [data] for both")
        self.harmless.add((other.checksum, own.checksum))

    def _of_splits(self, images: ImageSet, split: str) -> set[bytes]:
        """Digests of a split's images."""
        if images.checksum not in self.digests:
            self.digests[images.checksum] = [_digest(image.tobytes()) for image in images.images]
        digests = self.digests[images.checksum]
        return {digests[index] for index in getattr(images, split)}


def _is_of_this_study(source: NetFrom) -> bool:
    return source.run is None and source.study is None


def _of_fold(found: Sequence[T], fold: int | None, fold_of: Callable[[T], int | None]) -> list[T]:
    """Those of the same fold; without such ones those without folds, or where none is asked for, of all folds.

    Raises RunError where there are only others: they have seen a fold's validation images.
    """
    same = [one for one in found if fold_of(one) == fold]
    others = [one for one in found if fold is None or fold_of(one) is None]
    if found and not same and not others:
        raise RunError(
            f"there is no run of fold {fold}, and runs of other folds have seen its validation images; train what the"
            " weights come from with the same folds"
        )
    return same or others


def _best(found: Sequence[tuple[Origin, RunFacts]]) -> Origin:
    """Of several runs of a trial the best, by what ranks them; the first where nothing does."""
    ranking = found[0][1].ranking
    known = [] if ranking is None else [(origin, facts) for origin, facts in found if ranking.metric in facts.metrics]
    if ranking is None or not known:
        return found[0][0]
    choose = max if ranking.is_maximized else min
    return choose(known, key=lambda one: one[1].metrics[ranking.metric])[0]


def _ancestors(origin: Origin) -> Iterator[tuple[str, RunFacts]]:
    """A run, and those that its own weights came from; raises RunError where one of them no longer exists."""
    facts = origin.facts()
    yield origin.run, facts
    for start in facts.starts.values():
        yield from _ancestors(Origin(_folder_of(start, origin), start["run"]))


def _folder_of(start: dict[str, str], origin: Origin) -> Path:
    path = Path(start["run"])
    # a path may be relative to the folder in which that study was run, which has the origin somewhere below it
    above = [] if path.is_absolute() else [parent / path for parent in origin.folder.resolve().parents]
    for place in [origin.folder.parent / path.name, path, *above, shipped_runs().get(start["run"], path)]:
        if (weights := RunFolder(place).weights_file).exists() and checksum(weights) == start["checksum"]:
            return place
    raise RunError(
        f"{origin.run}: it began with weights of {path}, which no longer exist, so it is unknown what images"
        " they have seen"
    )


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
