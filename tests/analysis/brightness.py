"""A kind of a user's own with analyses of its own: how bright the images of each predicted class are."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Drawing
from pydantic import BaseModel, ConfigDict

from papilio.data.imageset import ImageSet
from papilio.drawing.figure_files import data_uri
from papilio.kinds.kind import Analysis, Kind
from papilio.kinds.registry import CLASSIFY, class_metrics
from papilio.results.results import StudyResults
from papilio.runs.run import Run
from papilio.sections.blocks import Gallery, Picture, Section, Table, Text
from papilio.sections.context import SectionContext


class Shades(BaseModel):
    """The options of the analysis."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pictures: int = 2
    is_broken: bool = False


def brightness(run: Run, images: ImageSet, options: Shades) -> dict[str, np.ndarray]:
    """The mean of the pixels of each predicted class, and the brightest images."""
    if options.is_broken:
        raise ZeroDivisionError("no light")
    shown, _ = images.split("test")
    predicted = run.probabilities(shown).argmax(axis=1)
    bright = shown.mean(axis=(1, 2, 3))
    means = [bright[predicted == number].mean() if np.any(predicted == number) else 0.0 for number in range(10)]
    return {"means": np.array(means), "brightest": shown[np.argsort(-bright)[: options.pictures]]}


def section(arrays: dict[str, np.ndarray], context: SectionContext) -> Section:
    """Each sort of block."""

    def draw(width: float) -> Drawing:
        drawing = Drawing(figsize=(width, 1))
        drawing.subplots().bar(range(10), arrays["means"])
        return drawing

    assert context.facts is not None
    names = context.facts.class_names
    rows = tuple((name, f"{mean:.1f}") for name, mean in zip(names, arrays["means"], strict=True))
    pictures = tuple(Picture(data_uri(image), "a bright image", name="bright") for image in arrays["brightest"])
    return Section(
        title=f"Brightness of {context.trial}",
        note=f"On {context.images_name}: {context.run_words}, `{context.options['pictures']}` pictures.",
        blocks=(
            Text("What is *bright* & what is not", items=("one <b>", "two"), heading="In words"),
            context.figure(draw, name="means", label="Means of 10 classes", caption="Means", heading="Drawn"),
            Table(("Class", "Mean"), rows, "Mean brightness", numbers=("Mean",)),
            Gallery(pictures, heading="The brightest"),
        ),
    )


def trials(results: StudyResults, stage: str, options: BaseModel) -> dict[str, np.ndarray] | None:
    """Names of the stage's trials; None for fewer than two."""
    names = [trial.name for trial in results.trials(stage)]
    return {"names": np.array(names)} if len(names) > 1 else None


def trials_section(arrays: dict[str, np.ndarray], context: SectionContext) -> Section | None:
    """The names, but not of one trial."""
    return Section(f"Trials of {context.stage}", blocks=(Text(", ".join(arrays["names"].tolist())),))


BRIGHTNESS = Analysis("brightness", brightness, "brightness:section", options=Shades)
TRIALS = Analysis("trials", "brightness:trials", trials_section, of="stage", split=None)
KIND = Kind(
    name="sorter",
    objectives={"torch": "papilio.training.supervised:classify"},
    metrics=class_metrics,
    ranked_by="val_accuracy",
    offers=CLASSIFY.offers,
    analyses=("classification", BRIGHTNESS, TRIALS),
)
