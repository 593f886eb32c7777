"""What each coordinate of a latent space does: the arrays of papilio.analysis.coordinates in, a section out."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing import coordinate_figures
from papilio.drawing.canvas import WIDE
from papilio.drawing.sheets import sheet
from papilio.engine import Arrays
from papilio.sections.blocks import Block, Figure, Section, Table, Text
from papilio.sections.context import SectionContext
from papilio.sections.latent_words import coordinate_words

UNUSED_BELOW = 0.01  # nats
MOST_LISTED = 16  # coordinates in the table and the matrix


def coordinates_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """How many coordinates are used, what each tells of each factor, and what moving it does."""
    if not arrays:
        return None
    num, latents = int(arrays["num"]), len(arrays["order"])
    return Section(
        title=f"Coordinates of {context.trial}",
        note=f"{latents:,} latent coordinates, counted from 0, on {num:,} {context.split} images: {context.run_words}.",
        blocks=(
            *_use(arrays),
            *(_information(arrays, context) if "information" in arrays else ()),
            *([_moved(arrays, context)] if "moved" in arrays else ()),
            _ranking(arrays),
        ),
    )


def use_words(kl: np.ndarray) -> str:
    """In a sentence how many coordinates carry anything."""
    unused, num = int(np.sum(kl < UNUSED_BELOW)), len(kl)
    if unused == num:
        return (
            f"The posterior has collapsed: all {num:,} coordinates carry under {UNUSED_BELOW} nats, so that latents say nothing"
            " of the image. Try a smaller beta, a longer warm-up or free bits."
        )
    total = f"The coordinates carry {kl.sum():.3g} nats per image together (KL to the prior)"
    if not unused:
        return f"{total}; each of the {num:,} carries {UNUSED_BELOW} nats or more."
    return f"{total}. {unused:,} of {num:,} carr{'ies' if unused == 1 else 'y'} under {UNUSED_BELOW} nats, next to nothing."


def _use(arrays: Arrays) -> list[Block]:
    return [Text(use_words(arrays["kl"]))] if "kl" in arrays else []


def _information(arrays: Arrays, context: SectionContext) -> list[Block]:
    shown = arrays["order"][:MOST_LISTED]
    names, entropies = arrays["factors"].tolist(), np.maximum(arrays["entropies"], 1e-12)
    shares = arrays["information"][shown] / entropies
    rows = [str(index) for index in shown.tolist()]

    def draw(width: float) -> Drawing:
        return coordinate_figures.information(shares, row_names=rows, factor_names=names, width=width)

    best = arrays["information"].argmax(axis=0).tolist()
    spoken = [f"{name}: most in coordinate {index}" for name, index in zip(names, best, strict=True)]
    caption = (
        "Mutual information of coordinate and factor, as a fraction of the factor’s entropy: at 1 it determines the"
    )
    caption += (
        f" factor; chance alone yields about {float((arrays['floor'] / entropies).max()):.2f} with this many images."
    )
    label = f"Mutual information of {len(rows)} coordinates with {len(names)} factors; {'; '.join(spoken)}"
    figure = context.figure(
        draw, name="information", label=label, caption=caption, heading="What each coordinate encodes"
    )
    return [Text(_gap_words(arrays)), figure, _factor_table(arrays, names, best)]


def _gap_words(arrays: Arrays) -> str:
    gap, rotated = float(arrays["gaps"].mean()), float(arrays["rotated"])
    text = (
        f"MIG {gap:.3f}; for the same latents rotated at random {rotated:.3f}, the value without any disentanglement."
    )
    text += " The mutual information gap (Chen et al. 2018) is the difference in mutual information with a factor between the"
    text += " most and the second most informative coordinate, divided by the factor’s entropy and averaged over factors: 1 if"
    text += " each factor has a coordinate to itself. It is estimated from histograms of 20 bins of equal width, on"
    return text + f" {int(arrays['num']):,} images."


def _factor_table(arrays: Arrays, names: list[str], best: list[int]) -> Table:
    columns = ("Factor", "Best coordinate", "Information (nats)", "Entropy (nats)", "Gap to the second")
    rows = tuple(
        (
            name.replace("_", " "),
            str(index),
            f"{arrays['information'][index, place]:.2f}",
            f"{arrays['entropies'][place]:.2f}",
            f"{arrays['gaps'][place]:.3f}",
        )
        for place, (name, index) in enumerate(zip(names, best, strict=True))
    )
    return Table(columns, rows, "The gap is a fraction of the entropy.", numbers=columns[1:])


def _moved(arrays: Arrays, context: SectionContext) -> Figure:
    moved, steps = arrays["moved"], arrays["steps"]
    rows = arrays["order"][: len(moved)].tolist()

    def draw(width: float) -> Drawing:
        chosen = np.arange(len(steps)) if width >= WIDE else np.arange(0, len(steps), 2)
        names = [f"{steps[index]:+g}".replace("-", "−") if steps[index] else "0" for index in chosen]
        return sheet(
            moved[:, chosen],
            row_names=[coordinate_words(str(row)) for row in rows],
            column_names=names,
            width=width,
            most_inches=0.8,
        )

    caption = (
        f"One {context.split} image, one coordinate at a time moved from the mean by that many standard deviations, the"
    )
    caption += " others as they were encoded."
    label = f"What moving the coordinates {', '.join(map(str, rows))} does"
    return context.figure(draw, name="moved", label=label, caption=caption, heading="What moving a coordinate does")


def _ranking(arrays: Arrays) -> Table:
    columns = ["Coordinate"]
    cells: list[list[str]] = [[str(index) for index in arrays["order"].tolist()]]
    if "kl" in arrays:
        columns.append("KL (nats)")
        cells.append([f"{arrays['kl'][index]:.3f}" for index in arrays["order"]])
    if "change" in arrays:
        columns.append("Change in the picture (%)")
        cells.append([f"{100 * arrays['change'][index]:.2f}" for index in arrays["order"]])
    caption = f"The first {MOST_LISTED} of {len(cells[0]):,}. " if len(cells[0]) > MOST_LISTED else ""
    if "change" in arrays:
        caption += (
            "Change: the mean absolute difference of pixels, as a share of their range, between one standard deviation"
        )
        caption += f" below and one above, around {int(arrays['num_changed'])} encoded images."
    return Table(
        tuple(columns),
        tuple(zip(*cells, strict=True))[:MOST_LISTED],
        caption,
        numbers=tuple(columns[1:]),
        heading="Ranking",
    )
