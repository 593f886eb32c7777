"""Runs as TensorBoard's event files, DIR/tensorboard/RUN: `tensorboard --logdir DIR/tensorboard` shows them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.compat.proto.tensor_pb2 import TensorProto  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from papilio.execution.trackers import NO_METRICS, Written, flat_settings, measured_at_the_end
from papilio.study_folder import EVENTS, TENSORBOARD


class TensorBoardEvents:
    """Event files that are recreated when this process first hears of a run, and then grow: so no epoch is listed twice."""

    def __init__(self, folder: Path, title: str) -> None:
        self.folder = folder / TENSORBOARD
        self.writers: dict[str, EventFileWriter] = {}
        self.written: dict[str, int] = {}  # the last epoch, by run

    def write(self, run: Written) -> None:
        """Write the epochs that are new; of a run that has ended its measurements on test images, and the file is closed."""
        name, place = run.plan.name, self.folder / run.plan.name
        if name not in self.writers:
            if run.facts is not None and _is_current(place, run):
                return
            self._begin(name, place, run)
        writer, last = self.writers[name], self.written[name]
        for record in run.records:
            if record["epoch"] > last:
                self._scalars(writer, record, step=record["epoch"])
                self.written[name] = record["epoch"]
        if run.facts is not None:
            self._scalars(writer, measured_at_the_end(run), step=run.facts.best_epoch or run.facts.epochs)
            self.writers.pop(name).close()
        else:
            writer.flush()

    def _begin(self, name: str, place: Path, run: Written) -> None:
        for earlier in place.glob(EVENTS):
            earlier.unlink()
        self.writers[name], self.written[name] = EventFileWriter(str(place)), 0
        rows = "\n".join(f"| {key} | {value} |" for key, value in flat_settings(run.plan).items())
        text = _text_value("settings", f"| setting | value |\n|---|---|\n{rows}")
        self._add(self.writers[name], text, step=0)

    def _scalars(self, writer: EventFileWriter, numbers: dict[str, Any], *, step: int) -> None:
        values = [
            Summary.Value(tag=_tag(name), simple_value=float(value))
            for name, value in numbers.items()
            if name not in NO_METRICS
        ]
        if values:
            self._add(writer, *values, step=step)

    def _add(self, writer: EventFileWriter, *values: Any, step: int) -> None:
        writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))


def _tag(metric: str) -> str:
    """Metrics of all splits in one group: val_accuracy as accuracy/val."""
    split, _, rest = metric.partition("_")
    return f"{rest}/{split}" if rest and split in ("train", "val", "test") else metric


def _text_value(tag: str, text: str) -> Any:
    """A text as TensorBoard's plugin of that name has it."""
    plugin = SummaryMetadata.PluginData(plugin_name="text")
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype="DT_STRING", string_val=[text.encode()], tensor_shape=shape)
    return Summary.Value(tag=f"{tag}/text_summary", metadata=SummaryMetadata(plugin_data=plugin), tensor=tensor)


def _is_current(place: Path, run: Written) -> bool:
    """Whether the events were written after the run's last record."""
    events = [file.stat().st_mtime for file in place.glob(EVENTS)]
    return bool(events) and run.folder.facts_file.exists() and max(events) >= run.folder.facts_file.stat().st_mtime
