"""The figure of what each latent of a variational autoencoder carries."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from papilio.drawing.canvas import WIDE, drawing, new_figure
from papilio.drawing.palette import LIGHT, LINES

MOST_NAMED = {True: 40, False: 20}  # wide or narrow
FEWEST_PLACES = 8  # bars of fewer latents would be blocks


def nats_of_latents(kl: Float[np.ndarray, " latents"], *, unused_below: float, width: float = WIDE) -> Figure:
    """A bar for each latent, the one with the largest KL first, named by its number where there is room.

    Those that carry less than `unused_below` nats, whose bars cannot be seen, are set off and counted.
    """
    order = np.argsort(-kl, kind="stable")
    num_used = int((kl >= unused_below).sum())
    is_named = len(kl) <= MOST_NAMED[width >= WIDE]
    places = np.arange(1, len(kl) + 1)
    right = max(len(kl), FEWEST_PLACES) + 0.6
    with drawing():
        figure = new_figure(width=width, height=2.6)
        axes = figure.subplots()
        if num_used < len(kl):
            axes.axvspan(num_used + 0.5, len(kl) + 0.5, color=LIGHT["wash"], linewidth=0)
            words = f"{len(kl) - num_used:,} under {unused_below:g} nats"
            axes.text(right, 1, words, transform=axes.get_xaxis_transform(), ha="right", va="bottom", fontsize=8.5)
        axes.bar(places, kl[order], width=0.8 if len(kl) <= MOST_NAMED[True] else 1.0, color=LINES[0])
        if is_named:
            axes.set_xticks(places, [str(number) for number in order])
        axes.set_xlim(0.4, right)
        axes.set_ylim(bottom=0)
        axes.tick_params(length=0)
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.set_title("KL, nats per image", pad=8)
        axes.set_xlabel("latent, the largest KL first" if is_named else "latents in the order of their KL", loc="right")
    return figure
