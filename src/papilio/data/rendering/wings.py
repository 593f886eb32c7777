"""Outlines of butterflies' wings: what a species is told by from afar.

A butterfly has coordinates (x, y): its body stands upright on x = 0, the wings of its right side have x > 0, and a picture's
half side is 1. Left wings mirror the right ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Points = Float[np.ndarray, "number 2"]
STEPS = 6  # of a curve, from one of an outline's corners to the next


@dataclass(frozen=True)
class WingShape:
    """Outlines of a right forewing and hindwing, and the ends of their veins."""

    fore: Points
    hind: Points
    fore_veins: Points
    hind_veins: Points

    @classmethod
    def of(cls, fore: list[tuple[float, float]], hind: list[tuple[float, float]]) -> WingShape:
        """From corners that a smooth curve goes through, beginning at the root; the outer ones are where veins end."""
        return cls(closed_curve(fore), closed_curve(hind), _vein_ends(fore), _vein_ends(hind))


def closed_curve(corners: list[tuple[float, float]]) -> Points:
    """A Catmull-Rom spline through corners and back to the first, STEPS points each."""
    points = np.array(corners)
    before, after, later = (np.roll(points, shift, axis=0)[:, None] for shift in (1, -1, -2))
    t = np.linspace(0, 1, STEPS, endpoint=False)[None, :, None]
    here = points[:, None]
    curve = here + 0.5 * t * (
        after - before + t * (2 * before - 5 * here + 4 * after - later + t * (3 * (here - after) + later - before))
    )
    return curve.reshape(-1, 2)


def _vein_ends(corners: list[tuple[float, float]]) -> Points:
    points = np.array(corners[2:-1])
    along = np.linspace(0, len(points) - 1, 6)
    columns = [np.interp(along, np.arange(len(points)), column) for column in points.T]
    return np.stack(columns, axis=1)


# fmt: off
SHAPES: dict[str, WingShape] = {
    "monarch": WingShape.of(
        [(.02, .08), (.18, .33), (.42, .50), (.64, .55), (.73, .47), (.67, .32), (.57, .15), (.49, .01),
         (.28, -.04), (.04, -.02)],
        [(.02, .05), (.28, .05), (.45, -.03), (.53, -.18), (.49, -.36), (.36, -.49), (.20, -.51), (.09, -.39),
         (.02, -.14)],
    ),
    "swallowtail": WingShape.of(
        [(.02, .08), (.20, .38), (.40, .58), (.57, .68), (.62, .60), (.59, .38), (.58, .18), (.54, .03),
         (.30, -.05), (.04, -.02)],
        [(.02, .05), (.30, .02), (.46, -.08), (.47, -.23), (.42, -.36), (.40, -.44), (.44, -.62), (.44, -.74),
         (.37, -.75), (.34, -.64), (.32, -.50), (.25, -.47), (.16, -.50), (.08, -.40), (.02, -.14)],
    ),
    "brimstone": WingShape.of(
        [(.02, .08), (.16, .34), (.36, .50), (.56, .54), (.69, .57), (.64, .40), (.57, .24), (.55, .08),
         (.48, -.04), (.27, -.06), (.04, -.02)],
        [(.02, .05), (.28, .04), (.45, -.05), (.52, -.17), (.66, -.36), (.47, -.40), (.34, -.49), (.20, -.49),
         (.09, -.38), (.02, -.14)],
    ),
    "comma": WingShape.of(
        [(.02, .08), (.18, .35), (.38, .52), (.57, .58), (.66, .50), (.60, .41), (.565, .33), (.62, .23),
         (.58, .15), (.535, .08), (.56, -.03), (.42, -.05), (.26, -.05), (.04, -.02)],
        [(.02, .05), (.30, .05), (.46, .00), (.475, -.08), (.56, -.17), (.50, -.24), (.46, -.30), (.50, -.41),
         (.40, -.42), (.34, -.44), (.31, -.54), (.22, -.48), (.13, -.48), (.08, -.36), (.02, -.14)],
    ),
}
# fmt: on
