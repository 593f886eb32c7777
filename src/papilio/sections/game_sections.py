"""How a generator and a discriminator learn: losses, scores and images of the same noise, from a run's folder alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure as Drawing

from papilio.drawing.canvas import WIDE
from papilio.drawing.figure_files import data_uri
from papilio.drawing.films import film_uri, frames_of, save_film
from papilio.drawing.line_figures import MOST_POINTS, Line, lines
from papilio.drawing.sheets import sheet
from papilio.results.results import RunResult
from papilio.results.words import counted
from papilio.runs.folder import RunFolder
from papilio.runs.kept import NUM_PREVIEWS, read_batches, read_previews
from papilio.sections.blocks import Block, Figure, Gallery, Picture, Section, Text
from papilio.sections.context import SectionContext
from papilio.sections.curve_sections import evenly
from papilio.sections.latent_words import file_words

LOSSES = {"generator": "generator_loss", "discriminator": "discriminator_loss"}
SCORES = {"real images": "real_score", "generated images": "fake_score"}
OUTPUTS = {
    "real images": "real_output",
    "generated images": "fake_output",
}  # of losses that make no probabilities of them
EVEN = {"generated images": "diversity"}
SHOWN_EPOCHS = 8  # rows of the sheet
IN_FILM = 16  # images of a frame


def game_section(context: SectionContext) -> Section | None:
    """Losses by epoch and by batch, what the discriminator says, how different images are, and images epoch by epoch."""
    run = context.run
    if run is None or not run.records:
        return None
    figures = [
        _by_epoch(context, LOSSES, name="losses", title="Loss"),
        _by_batch(context),
        _by_epoch(context, SCORES, name="scores", title="Discriminator score", limits=(0, 1)),
        _by_epoch(context, OUTPUTS, name="outputs", title="Discriminator output"),
        _by_epoch(context, EVEN, name="diversity", title="Distances between images, relative to real ones"),
    ]
    return Section(
        title=f"How {context.trial} learns",
        note=f"Seed {run.seed} (`{run.name}`), after {counted(int(run.records[-1]['epoch']), 'epoch')}.",
        blocks=(Text(_words(run)), *filter(None, figures), *_images(context)),
    )


def _words(run: RunResult) -> str:
    text = "Neither loss measures image quality: each net is scored against the other, and both change."
    last = run.records[-1]
    if "train_real_score" in last or "val_real_score" in last:
        text += (
            " The discriminator’s score is its probability that an image is real; where it cannot tell them apart, both"
        )
        text += " are at 0.5."
    elif "train_real_output" in last or "val_real_output" in last:
        text += (
            " The discriminator’s output is not a probability: it should be high for real images and low for generated"
        )
        text += " ones; where it cannot tell them apart, both are equal."
    average = run.settings["model"].get("average")
    if isinstance(average, float) and average > 0:
        text += " Validation metrics and all images shown are of the EMA generator."
    return text


def _by_epoch(
    context: SectionContext,
    metrics: Mapping[str, str],
    *,
    name: str,
    title: str,
    limits: tuple[float, float] | None = None,
) -> Figure | None:
    assert context.run is not None  # the section has looked
    series = {title: line for title, metric in metrics.items() if len(line := _line(context.run.records, metric))}
    if not series:
        return None

    def draw(width: float) -> Drawing:
        return lines(series, title=title, place="epoch", limits=limits, width=width)

    last = ", ".join(f"{title} {line[-1, 1]:.3g}" for title, line in series.items())
    caption = f"{title} by epoch, on {_where_measured(context, metrics)} images."
    return context.figure(draw, name=name, label=f"{title} by epoch; at the end: {last}", caption=caption)


def _where_measured(context: SectionContext, metrics: Mapping[str, str]) -> str:
    assert context.run is not None  # the section has looked
    measured = {name for record in context.run.records for name in record}
    return "validation" if any(f"val_{metric}" in measured for metric in metrics.values()) else "training"


def _line(records: Sequence[Mapping[str, float]], metric: str) -> Line:
    """A metric by epoch, of validation images where it was measured on them."""
    found = [(record["epoch"], record.get(f"val_{metric}", record.get(f"train_{metric}"))) for record in records]
    return np.array([(epoch, value) for epoch, value in found if value is not None], dtype=float).reshape(-1, 2)


def _by_batch(context: SectionContext) -> Figure | None:
    assert context.run is not None  # the section has looked
    batches = read_batches(context.run.folder, most_epochs=int(context.run.records[-1]["epoch"]))
    series = {title: batches[metric] for title, metric in LOSSES.items() if metric in batches}
    if not series:
        return None
    num = max(map(len, series.values()))

    def draw(width: float) -> Drawing:
        return lines(series, title="Loss", place="batch", width=width)

    caption = "Loss by batch, while training" + (
        ": individual batches faint, moving average bold." if num > MOST_POINTS else "."
    )
    return context.figure(draw, name="batches", label="Losses of both nets by batch", caption=caption)


def _images(context: SectionContext) -> list[Block]:
    run = context.run
    assert run is not None  # the section has looked
    shape = RunFolder(run.folder).facts().images.shape
    epochs, images = read_previews(run.folder, shape, [int(record["epoch"]) for record in run.records])
    if not epochs:
        return []
    return [_sheet(context, epochs, images), *_film(context, epochs, images)]


def _sheet(context: SectionContext, epochs: list[int], images: UInt8[np.ndarray, "epochs num c h w"]) -> Figure:
    rows = evenly(range(len(epochs)), SHOWN_EPOCHS)

    def draw(width: float) -> Drawing:
        columns = 12 if width >= WIDE else 6
        return sheet(images[rows, :columns], row_names=[f"epoch {epochs[row]}" for row in rows], width=width)

    caption = "Generated images after each epoch (left); each column has the same noise."
    label = f"Rows of generated images after epochs {', '.join(str(epochs[row]) for row in rows)}"
    return context.figure(draw, name="epochs", label=label, caption=caption, heading="Images epoch by epoch")


def _film(context: SectionContext, epochs: list[int], images: UInt8[np.ndarray, "epochs num c h w"]) -> list[Block]:
    if len(epochs) < 2:
        return []
    frames = frames_of(images[:, :IN_FILM], epochs, columns=8)
    save_film(frames_of(images, epochs, columns=8), folder=context.pictures.folder, name=f"{context.name}-film")
    words = f"Generated images changing from epoch {epochs[0]} to epoch {epochs[-1]}"
    last = np.atleast_3d(np.asarray(frames[-1])).transpose(2, 0, 1)
    still = data_uri(last, is_exact=False, most_pixels=max(last.shape))
    note = f"From epoch {epochs[0]} to {epochs[-1]}. {file_words(context.name, 'film')} The {NUM_PREVIEWS} images of each epoch"
    note += f" are in `runs/{context.run_name}/previews`."
    picture = Picture(film_uri(frames), words, still=still)
    return [Text(note, heading="In motion", is_note=True), Gallery((picture,), is_wide=True)]
