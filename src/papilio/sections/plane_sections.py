"""The plane of two latents: the arrays of papilio.analysis.plane in, a section out."""

from __future__ import annotations

import json

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.analysis.plane import latents_at, shares
from papilio.drawing import latent_figures
from papilio.drawing.figure_files import data_uri
from papilio.drawing.palette import LINES
from papilio.engine import Arrays
from papilio.errors import agreed
from papilio.sections.blocks import Block, Figure, MovingPlane, Section
from papilio.sections.context import SectionContext

STEPS = 1000  # of a place, from 0 to 1
EDGE = 0.005  # of a side of the plane
MOST_AT_EDGE = 0.1  # of all images, above which it is told: of the prior's own samples 2% are there
MOST_PIXELS = 1280  # of the sprite's side


def plane_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """All that two latents decode to, and where test images lie."""
    if not arrays:
        return None
    points: list[Block] = [_points(arrays, context)] if len(arrays["places"]) else []
    return Section(
        title=f"The plane of {context.trial}",
        note=f"The two-dimensional latent space of {context.run_words}.",
        blocks=(_moving(arrays, context), *points),
    )


def _moving(arrays: Arrays, context: SectionContext) -> MovingPlane:
    plane = arrays["plane"]
    side, _, channel, height, width = plane.shape
    sheet = plane.transpose(2, 0, 3, 1, 4).reshape(channel, side * height, side * width)
    names = list(context.facts.class_names) if context.facts is not None else []
    facts = {
        "side": side,
        "values": _values(arrays).round(3).tolist(),
        "places": (arrays["places"] * STEPS).round().astype(int).tolist(),
        "steps": STEPS,
        "labels": arrays["labels"].astype(int).tolist() if names else [],
        "names": names,
        "colors": len(LINES),
        "split": context.split,
    }
    return MovingPlane(
        sprite=data_uri(sheet, is_exact=False, most_pixels=MOST_PIXELS),
        facts=json.dumps(facts),
        words=f"{side} by {side} decoded places of the plane",
        still=_plane(arrays, context),
    )


def _values(arrays: Arrays) -> np.ndarray:
    """The latents in the middle of each column and each row, from the lowest up: (2, side)."""
    side = len(arrays["plane"])
    if not arrays["is_fitted"]:
        return latents_at(shares(side), None)
    known = zip(arrays["tick_places"], arrays["ticks"], strict=True)
    return np.stack([np.interp(shares(side), places, ticks) for places, ticks in known])


def _plane(arrays: Arrays, context: SectionContext) -> Figure:
    side = len(arrays["plane"])

    def draw(width: float) -> Drawing:
        return latent_figures.plane(
            arrays["plane"], ticks=arrays["ticks"], tick_places=arrays["tick_places"], width=width
        )

    caption = f"What {side} × {side} places of the plane decode to, in steps that are equally probable"
    if arrays["is_fitted"]:
        caption += " among the latents of training images: this kind of run has no prior."
    else:
        caption += " in the prior (Kingma and Welling 2014)."
    label = f"The plane of two latents, decoded at {side} by {side} places"
    return context.figure(draw, name="decoded", label=label, caption=caption, is_square=True)


def _points(arrays: Arrays, context: SectionContext) -> Figure:
    names = context.facts.class_names if context.facts is not None else ()

    def draw(width: float) -> Drawing:
        return latent_figures.plane_points(
            arrays["places"],
            arrays["labels"],
            names,
            ticks=arrays["ticks"],
            tick_places=arrays["tick_places"],
            shape=(arrays["plane"].shape[-2], arrays["plane"].shape[-1]),
            width=width,
        )

    places = arrays["places"]
    num, at_edge = len(places), int(((places < EDGE) | (places > 1 - EDGE)).any(axis=1).sum())
    caption = f"Where {num:,} {context.split} images lie in the plane above."
    caption += " A class’s name stands at its median." if names else ""
    if not arrays["is_fitted"] and at_edge > MOST_AT_EDGE * num:
        lie = agreed(at_edge, "{} of them lies", "{} of them lie")
        caption += (
            f" {lie} at the edge: the encoder maps such images to regions of low prior density, so neither samples nor"
        )
        caption += " this plane represent them well; a larger beta pulls them in."
    label = f"{num:,} {context.split} images in the plane of two latents"
    heading = "Where images lie"
    return context.figure(draw, name="points", label=label, caption=caption, heading=heading, is_square=True)
