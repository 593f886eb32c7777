"""The figure of what each latent of a variational autoencoder carries."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.figure import Figure

from papilio.drawing.canvas import WIDE, drawing, new_figure
from papilio.drawing.palette import LIGHT, LINES

MOST_NAMED = {True: 40, False: 20}  # wide or narrow
FEWEST_PLACES = 8  # bars of fewer latents would be blocks


def nats_of_latents(
    kl: Float[np.ndarray, " latents"], is_used: Bool[np.ndarray, " latents"], *, width: float = WIDE
) -> Figure:
    """A bar for each latent, the one with the largest KL first, named by its number where there is room; unused ones grey."""
    order = np.argsort(-kl, kind="stable")
    places = np.arange(len(kl))
    colours = [LINES[0] if used else LIGHT["faint"] for used in is_used[order]]
    with drawing():
        figure = new_figure(width=width, height=2.6)
        axes = figure.subplots()
        axes.bar(places, kl[order], width=0.8 if len(kl) <= MOST_NAMED[True] else 1.0, color=colours)
        if len(kl) <= MOST_NAMED[width >= WIDE]:
            axes.set_xticks(places, [str(number) for number in order])
        axes.set_xlim(-0.6, max(len(kl), FEWEST_PLACES) - 0.4)
        axes.set_ylim(bottom=0)
        axes.tick_params(length=0)
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.set_title("KL, nats an image", pad=8)
        axes.set_xlabel("latent, by its KL", loc="right")
    return figure
