"""What the page shows of what a setting gives and takes: the arrays of papilio.analysis.trade in, a section out."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing import trade_figures
from papilio.engine import Arrays
from papilio.results.words import mean_spread
from papilio.sections.blocks import Section, Table
from papilio.sections.context import SectionContext

PANELS = {"error": "Test error", "mig": "MIG", "active": "Active units", "kl": "KL, nats"}


def trade_section(arrays: Arrays, context: SectionContext) -> Section:
    """A table with a row for each value, and a panel for each number against them."""
    key = str(context.options["by"]).rpartition(".")[2]
    names = arrays["trials"].tolist()
    is_one_a_value = len(set(arrays["values"].tolist())) == len(names)
    known = {name: title for name, title in PANELS.items() if np.isfinite(arrays[name]).any()}
    labels = arrays["values"].tolist() if is_one_a_value else names

    def draw(width: float) -> Drawing:
        panels = [(title, arrays[name]) for name, title in known.items() if name != "kl"]
        return trade_figures.against(labels, panels, axis=key if is_one_a_value else "", width=width)

    told = ", ".join(f"{title} {arrays[name][0]:.4g} to {arrays[name][-1]:.4g}" for name, title in known.items())
    label = f"From {labels[0]} to {labels[-1]}: {told}"
    return Section(
        f"Trade-off of {key}",
        blocks=(_table(arrays, known, key), context.figure(draw, name="trade", label=label)),
    )


def _table(arrays: Arrays, known: dict[str, str], key: str) -> Table:
    has_order = "mig" in known
    columns = [key.capitalize(), "Trial", "Latents", *known.values(), *(["MIG, rotated"] if has_order else [])]
    rows = []
    for place, value in enumerate(arrays["values"].tolist()):
        cells = [_cell(arrays, name, place) for name in known]
        rotated = [_share(float(arrays["rotated"][place]))] if has_order else []
        rows.append((value, str(arrays["trials"][place]), str(arrays["latents"][place]), *cells, *rotated))
    if len({row[1] for row in rows}) == len({row[0] for row in rows}):  # a trial's name says no more than its value
        columns.pop(1)
        rows = [(row[0], *row[2:]) for row in rows]
    return Table(tuple(columns), tuple(rows), _caption(arrays, known), numbers=tuple(columns[1:]))


def _caption(arrays: Arrays, known: dict[str, str]) -> str:
    text = "Test error: the mean squared error per pixel of reconstructions of clean images."
    if "active" in known:
        text += " Active units: latents whose posterior mean has a variance above 0.01."
    text += " Means over runs." if arrays["num_runs"].max() > 1 else ""
    if "mig" in known:
        what = ", ".join(arrays["factors"].tolist())
        text += (
            f" MIG: by how much the latent that is most informative about {what} exceeds the next one, as a fraction of the"
            " factor’s entropy, for the best run; rotated: of the same latents rotated at random, the value without"
            " disentanglement."
        )
    return text


def _cell(arrays: Arrays, name: str, place: int) -> str:
    value = float(arrays[name][place])
    if math.isnan(value):
        return "–"
    if name == "mig":
        return _share(value)
    spread = float(arrays[f"{name}_spread"][place])
    num = int(arrays["num_runs"][place])
    return mean_spread(value, None if math.isnan(spread) else spread, num, is_count=name == "active")


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
