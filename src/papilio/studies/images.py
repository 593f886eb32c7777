"""The image sets of a study's runs, and what follows from them: by what a run is ranked, which runs are alike."""

from __future__ import annotations

import json
from pathlib import Path

from papilio.data.imageset import ImageSet
from papilio.data.load import DRAWN, load_images
from papilio.data.named import READERS
from papilio.data.progress import Progress, reading_progress
from papilio.errors import PapilioError, SettingError, did_you_mean, shown
from papilio.kinds.choosing import ranking_of, standing_of
from papilio.kinds.kind import Kind
from papilio.kinds.ranking import Standing
from papilio.kinds.registry import kind_of
from papilio.kinds.structure import structure_of
from papilio.runs.plan import RunPlan
from papilio.settings.data_settings import DataSettings
from papilio.settings.references import OwnFunctions
from papilio.settings.run_settings import RunSettings
from papilio.settings.since import plain_settings
from papilio.settings.validation import validated
from papilio.studies.schema import AnalysisSettings
from papilio.studies.undrawn import undrawn_images_of


class StudyImages:
    """The image sets of a study, each read once, when a run first needs it; `own` are the study's own functions.

    With `draws` off, sets that would have to be drawn first are left undrawn: enough to check and describe runs by.
    """

    def __init__(self, own: OwnFunctions, *, progress: Progress | None = None, draws: bool = True) -> None:
        self.own = own
        self.draws = draws
        self.progress = progress or reading_progress()
        self.loaded: dict[str, ImageSet] = {}
        self.standings: dict[str, Standing] = {}

    def of(self, data: DataSettings) -> ImageSet:
        """The set of a [data] table."""
        key = _key(data)
        if key not in self.loaded:
            undrawn = None if self.draws else undrawn_images_of(data)
            self.loaded[key] = undrawn or images_of(data, self.progress)
        return self.loaded[key]

    def of_fold(self, settings: RunSettings, fold: int | None) -> ImageSet:
        """The set of a run's settings, with the splits of its fold."""
        if fold is None or settings.folds is None:
            return self.of(settings.data)
        key = _key(settings.data, settings.folds, fold)
        if key not in self.loaded:
            self.loaded[key] = self.of(settings.data).fold(fold, of=settings.folds, seed=settings.data.seed)
        return self.loaded[key]

    def of_run(self, plan: RunPlan) -> ImageSet:
        """The set that a run is trained and measured on."""
        return self.of_fold(plan.settings, plan.fold)

    def of_analysis(
        self, analysis: AnalysisSettings, settings: RunSettings, fold: int | None, *, where: str = "[[analysis]]"
    ) -> ImageSet:
        """The set that an analysis of such a run looks at; raises StudyError where the analysis' own table is wrong."""
        if not analysis.data:
            return self.of_fold(settings, fold)
        changed = plain_settings(settings.data) | analysis.data
        return self.of(validated(DataSettings, changed, where=where, prefix="data"))

    def distinct(self) -> list[ImageSet]:
        """Every set that was read, without its folds."""
        return [images for key, images in self.loaded.items() if len(json.loads(key)) == 1]

    def kind_of(self, plan: RunPlan) -> Kind:
        """What a run is; raises SettingError where its objective does not go with its images."""
        train = plan.settings.train
        try:
            return kind_of(train, self.of_run(plan).facts, self.own)
        except PapilioError:
            raise
        except Exception as error:  # a function of the user's own may raise anything
            raise SettingError(f"train.objective: {train.objective}: {type(error).__name__}: {error}") from error

    def standing_of(self, plan: RunPlan) -> Standing:
        """By what a run is ranked among others, and by what its epochs are.

        Raises SettingError for a metric that its records will not have, and for patience with nothing to watch.
        """
        images, train = self.of_run(plan), plan.settings.train
        key = json.dumps([plain_settings(train), images.checksum], sort_keys=True)
        if key not in self.standings:
            kind, facts = self.kind_of(plan), images.facts
            ranking, _ = ranking_of(kind, train, facts, has_validation=len(images.validation) > 0)
            self.standings[key] = standing_of(kind, train, facts, ranking)
        return self.standings[key]

    def structure_of(self, plan: RunPlan) -> str:
        """Equal for runs that are checked, timed and trained alike."""
        images = self.of_run(plan)
        return structure_of(plan.settings, images.facts, num_train=len(images.train))


def images_of(data: DataSettings, progress: Progress, *, download: bool = True) -> ImageSet:
    """The image set of a [data] table; with `download` off one that is not here is an error.

    Raises SettingError for a name of none, and what `load_images` raises.
    """
    if data.name is not None and data.name not in (*READERS, *DRAWN) and not _is_there(data.name):
        hint = did_you_mean(data.name, [*READERS, *DRAWN])
        other = f"{' For' if hint.endswith('?') else '; for'} files of your own set data.path"
        raise SettingError(f"data.name: {shown(data.name)} is not an image set; {hint}{other}")
    arguments = {key: value for key, value in plain_settings(data).items() if key not in ("name", "path")}
    if isinstance(arguments.get("size"), list):
        arguments["size"] = tuple(arguments["size"])
    return load_images(data.name or str(data.path), download=download, progress=progress, **arguments)


def _is_there(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError):  # it cannot be a path: too long, or of a user that there is not
        return False


def _key(data: DataSettings, *fold: int) -> str:
    return json.dumps([plain_settings(data), *fold], sort_keys=True)
