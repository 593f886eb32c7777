"""A run's folder, file by file."""

from __future__ import annotations

import contextlib
import functools
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from papilio.data.facts import ImageFacts
from papilio.data.quantities import from_plain
from papilio.errors import RunError, SettingError, reason_of
from papilio.files import open_to_append, read_own, storage_errors, write_json, write_text
from papilio.kinds.choosing import standing_of
from papilio.kinds.kind import Kind
from papilio.kinds.ranking import Ranking, Standing
from papilio.kinds.registry import KINDS, kind_of
from papilio.models.description import LayerRow
from papilio.runs.arrays import older_of
from papilio.runs.checked import (
    Count,
    Finite,
    Layers,
    MetricAndDirection,
    PlainCalibration,
    PlainQuantity,
    Positive,
    Settings,
    Shape,
)
from papilio.runs.plan import RunPlan
from papilio.settings.references import OwnFunctions
from papilio.settings.run_settings import RunSettings, is_own
from papilio.settings.spelling import in_present_spelling, present_key
from papilio.settings.validation import one_reason

Status = Literal["running", "stopped", "pruned", "done", "diverged", "failed"]
DAMAGED_SETTINGS = (ValidationError, KeyError, TypeError, AttributeError)  # that RunSettings.of raises
FINAL = frozenset({"done", "diverged"})  # a run that ended so would end so again: it is never repeated
OVER = FINAL | {"pruned"}  # what needs no more training, whatever became of it


@dataclass(frozen=True)
class RunFacts:
    """The contents of run.json."""

    run: str
    stage: str
    trial: str
    seed: Count
    fold: Count | None
    varied: dict[str, Any]
    settings: Settings
    status: Status
    threads: Positive
    precision: str = "float32"  # of the nets' arithmetic while they learned
    reason: str | None = None
    epochs: Count = 0
    best_epoch: Count | None = None
    chosen_by: str | None = None  # the recorded metric that chooses epochs and ranks trials
    direction: Literal["min", "max"] | None = None
    meaning: str | None = None  # of that metric: papilio.kinds.ranking.Standing; None in files of 0.1.0
    otherwise: MetricAndDirection | None = (
        None  # metric and direction by which it is ranked among runs of other meanings
    )
    metrics: dict[str, Finite] = field(default_factory=dict)
    parameters: Count | None = None
    layers: Layers = field(default_factory=list)
    image_shape: Shape = field(default_factory=list)
    class_names: list[str] = field(default_factory=list)
    quantity: PlainQuantity | None = None  # what the images show in place of classes: period, unit, is_time
    data_name: str = ""
    data_checksum: str = ""
    rim_brightness: Finite | None = None  # of the images, in [0, 1]
    calibration: PlainCalibration | None = None  # how far readings are off, by confidence: papilio.offers.dials
    seconds: Finite = 0.0
    number: Count = 0  # of its trial, in its stage
    defaults: dict[str, Any] = field(default_factory=dict)  # what settings leave to defaults, by dotted key
    starts: dict[str, dict[str, str]] = field(
        default_factory=dict
    )  # where weights came from that it began with, by net
    beside: list[str] = field(
        default_factory=list
    )  # runs that it trained with in one session, on which last bits depend

    @property
    def images(self) -> ImageFacts:
        """What the run's images are."""
        channel, height, width = self.image_shape
        return ImageFacts((channel, height, width), tuple(self.class_names), from_plain(self.quantity))

    @property
    def layer_rows(self) -> list[LayerRow]:
        """The layers of its network; of several nets one row each."""
        return [
            LayerRow(row["name"], row["kind"], tuple(row["output_shape"]), row["num_parameters"]) for row in self.layers
        ]

    @property
    def ranking(self) -> Ranking | None:
        """What chose its best epoch; None where nothing did."""
        return None if self.chosen_by is None or self.direction is None else Ranking(self.chosen_by, self.direction)

    @property
    def standing(self) -> Standing:
        """By what it is ranked among other runs."""
        kind = KINDS.get(self.settings.get("train", {}).get("objective", ""))
        if self.meaning is None and kind is not None and self.image_shape:
            return standing_of(kind, self.run_settings.train, self.images, self.ranking)
        return Standing(self.ranking, self.meaning or "", self._otherwise)

    @property
    def _otherwise(self) -> Ranking | None:
        if not self.otherwise:
            return None
        metric, direction = self.otherwise
        return Ranking(metric, "max" if direction == "max" else "min")

    @property
    def run_settings(self) -> RunSettings:
        """The settings again; raises RunError where they are damaged."""
        try:
            return RunSettings.of(self.settings)
        except DAMAGED_SETTINGS as error:
            raise RunError(f"{self.run}: its settings in run.json are damaged ({one_reason(error)})") from error

    @classmethod
    def of_plan(cls, plan: RunPlan, *, threads: int) -> RunFacts:
        """What is known of a run before it has seen its images."""
        return cls(
            run=plan.name,
            stage=plan.stage,
            trial=plan.trial,
            seed=plan.seed,
            fold=plan.fold,
            varied=plan.varied,
            settings=plan.settings.plain(),
            defaults=plan.settings.left_to_defaults(),
            status="running",
            threads=threads,
            number=plan.number,
        )


@dataclass(frozen=True)
class RunFolder:
    """Paths in a run's folder, and reading and writing what is in them."""

    path: Path

    @property
    def facts_file(self) -> Path:
        return self.path / "run.json"

    @property
    def records_file(self) -> Path:
        return self.path / "records.jsonl"

    @property
    def weights_file(self) -> Path:
        return self.path / "weights.safetensors"

    @property
    def checkpoint_file(self) -> Path:
        return self.path / "checkpoint" / "state.safetensors"

    @property
    def older_checkpoint_file(self) -> Path:
        """The one before it."""
        return older_of(self.checkpoint_file)

    @property
    def start_file(self) -> Path:
        """Weights from elsewhere that the run begins with."""
        return self.path / "start.safetensors"

    @property
    def lock_file(self) -> Path:
        return self.path / ".lock"

    def read(self) -> RunFacts | None:
        """What run.json says, None where there is none; raises RunError where it is not readable."""
        try:
            facts = _in_present_spelling(_reader().validate_json(read_own(self.facts_file), strict=True))
            if facts.settings:
                RunSettings.of(facts.settings)
            return facts
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, *DAMAGED_SETTINGS) as error:  # pydantic's complaints are ValueErrors, too
            raise RunError(
                f"{self.facts_file}: not a valid run.json ({one_reason(error)}); delete the folder {self.path.name}"
                " and run the study again to retrain this run"
            ) from error

    def facts(self) -> RunFacts:
        """What run.json says; raises RunError where it is missing or not readable."""
        facts = self.read()
        if facts is None:
            raise RunError(
                f"{self.path}: not a run folder (run.json is missing); a study's runs are in its folder runs/"
            )
        return facts

    def kind(self, own: OwnFunctions) -> Kind:
        """What the run is; raises RunError where run.json is not readable or tells of no kind that is known."""
        facts = self.facts()
        try:
            return kind_of(facts.run_settings.train, facts.images, own)
        except SettingError as error:
            raise RunError(f"{self.facts_file}: {error}") from error

    def is_finished(self) -> bool:
        """Whether the run ended for good and what it ended with is there."""
        facts = self.read()
        if facts is None or facts.status not in FINAL:
            return False
        return facts.best_epoch is None or self.weights_file.exists()

    def write(self, facts: RunFacts) -> None:
        """Write run.json, atomically."""
        write_json(self.facts_file, asdict(facts))

    def append_record(self, record: dict[str, Any]) -> None:
        """Add one line to records.jsonl, or nothing: raises StorageError when the disk is full."""
        with storage_errors(self.records_file), open_to_append(self.records_file) as file:
            end = file.tell()
            try:
                file.write(json.dumps(record, allow_nan=False).encode() + b"\n")
                file.flush()
            except OSError:
                file.truncate(end)  # half a line would spoil the next one
                raise

    def read_records(self) -> list[dict[str, Any]]:
        """The lines of records.jsonl up to the first that is damaged, as half a line is after a kill."""
        try:
            lines = read_own(self.records_file).splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(
                f"{self.records_file}: cannot be read ({reason_of(error)}); remove it and run the study again to recreate it"
            ) from error
        records = []
        for number, line in enumerate(lines, start=1):
            record = _record(line)
            if record is None or record["epoch"] != number:
                break
            records.append(record)
        return records

    def has_half_record(self) -> bool:
        """Whether records.jsonl continues after its last whole line."""
        try:
            return len(read_own(self.records_file).splitlines()) > len(self.read_records())
        except FileNotFoundError:
            return False

    def keep_records(self, num: int) -> None:
        """Drop all but the first `num` records: those of epochs that the checkpoint does not know will come again."""
        if not self.records_file.exists():
            return
        kept = "".join(json.dumps(record) + "\n" for record in self.read_records()[:num])
        if kept.encode() != read_own(self.records_file):
            write_text(self.records_file, kept)

    def remove_checkpoint(self) -> None:
        """Remove what only resuming needs; other people's files in its folder stay, and so does that then."""
        self.checkpoint_file.unlink(missing_ok=True)
        self.older_checkpoint_file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it is not empty, or not there
            self.checkpoint_file.parent.rmdir()


@functools.cache
def _record_reader() -> TypeAdapter[dict[str, int | Finite]]:
    return TypeAdapter(dict[str, int | Finite])


@functools.cache
def _reader() -> TypeAdapter[RunFacts]:
    return TypeAdapter(RunFacts)


def _in_present_spelling(facts: RunFacts) -> RunFacts:
    """Facts that an earlier version wrote, each setting as it is spelled now."""
    settings, varied = facts.settings, facts.varied
    train = in_present_spelling(settings["train"])
    if not is_own(str(settings["model"].get("family", ""))):
        settings = {**settings, "model": in_present_spelling(settings["model"])}
        varied = {present_key(key): value for key, value in varied.items()}
    return replace(facts, settings={**settings, "train": train}, varied=varied)


def _record(line: bytes) -> dict[str, Any] | None:
    """A line of records.jsonl: finite numbers by name, of which the epoch is a whole one; None where it is damaged."""
    try:
        record = _record_reader().validate_json(line, strict=True)
    except ValidationError:
        return None
    return record if isinstance(record.get("epoch"), int) else None
