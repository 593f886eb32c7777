"""What the page shows of removed noise: the arrays of papilio.analysis.denoising in, a section out."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing import denoising_figures
from papilio.drawing.canvas import WIDE
from papilio.drawing.denoising_figures import Restored
from papilio.engine import Arrays
from papilio.results.words import listed
from papilio.sections.blocks import Block, Section, Table, Text
from papilio.sections.context import SectionContext

NOISES = {
    "gaussian": "Gaussian noise; its level is the standard deviation, where pixels go from 0 to 1",
    "salt_and_pepper": "salt-and-pepper noise; its level is the share of pixels that turn black or white",
    "masking": "masking noise; its level is the share of pixels that turn black",
}
NOISY = "Noisy image"
MOST_LEVELS, MOST_ROWS = 3, 3  # in the pictures; rows: of trials with noise, and of those without


def denoising_section(arrays: Arrays, context: SectionContext) -> Section:
    """Which trial restores best at each level in words, both measures by level, a table of each, and pictures."""
    levels, names = arrays["levels"], [NOISY, *arrays["trials"].tolist()]
    lines = [
        Restored(name, arrays["psnr"][row], arrays["ssim"][row], is_noisy=row == 0) for row, name in enumerate(names)
    ]

    def draw(width: float) -> Drawing:
        return denoising_figures.measures_by_level(lines, levels, width=width)

    num, total = int(arrays["num"]), int(arrays["num_test"])
    of = f"{num:,}" if num == total else f"{num:,} of {total:,}"
    noise = context.options["noise"]
    note = f"Means over {of} test images with {NOISES[noise]}. Best run of each trial."
    if noise not in arrays["noises"].tolist():
        note += " No trial was trained with this noise: `noise` in the [[analysis]] table chooses another."
    blocks: list[Block] = [Text(" ".join(verdict(arrays)))]
    if len(levels) > 1:
        caption = (
            "PSNR: 10 log(1 / mean squared error). SSIM: structural similarity, Wang et al. 2004. Higher is better."
        )
        label = "PSNR and SSIM by level of noise; " + " ".join(verdict(arrays))
        blocks.append(context.figure(draw, name="denoising-levels", label=label, caption=caption))
    blocks += [_table(arrays, "psnr", "PSNR in dB", 2), _table(arrays, "ssim", "SSIM", 3), _pictures(arrays, context)]
    return Section("Removing noise", note, tuple(blocks))


def verdict(arrays: Arrays) -> list[str]:
    """A sentence for each measure: whether a denoising autoencoder is the best at every level, and where it is not."""
    names = ["the noisy image itself", *arrays["trials"].tolist()]
    is_denoising = [False, *(arrays["noises"] != "none").tolist()]
    found = []
    for measure in ("psnr", "ssim"):
        winners = [int(row) for row in arrays[measure].argmax(axis=0)]
        title, levels = measure.upper(), arrays["levels"].tolist()
        if not any(is_denoising):
            best_at: dict[str, list[str]] = {}
            for level, row in zip(levels, winners, strict=True):
                best_at.setdefault(names[row], []).append(f"{level:g}")
            words = "; ".join(f"{name} is best at {listed(ones)}" for name, ones in best_at.items())
            found.append(f"{title}: {words}; no trial learned to denoise.")
            continue
        others = [(level, row) for level, row in zip(levels, winners, strict=True) if not is_denoising[row]]
        if not others:
            best = dict.fromkeys(names[row] for row in winners)
            where = "at every level" if len(levels) > 1 else f"at {levels[0]:g}"
            found.append(f"{title}: {where} a denoising autoencoder is best ({', '.join(best)}).")
            continue
        better: dict[str, list[str]] = {}
        for level, row in others:
            better.setdefault(names[row], []).append(f"{level:g}")
        words = "; ".join(f"at {listed(ones)} {name} is better" for name, ones in better.items())
        found.append(f"{title}: a denoising autoencoder is not the best at every level: {words}.")
    return found


def _table(arrays: Arrays, measure: str, title: str, decimals: int) -> Table:
    levels = [f"{level:g}" for level in arrays["levels"].tolist()]
    values = arrays[measure]
    best = values.argmax(axis=0)
    trained = ["–", *(noise.replace("_", " ") for noise in arrays["noises"].tolist())]
    rows = tuple(
        (
            name,
            trained[row],
            *(
                f"{value:.{decimals}f}" + (" best" if best[column] == row else "")
                for column, value in enumerate(values[row])
            ),
        )
        for row, name in enumerate([NOISY, *arrays["trials"].tolist()])
    )
    caption = f"{title} by level of noise; higher is better."
    return Table(("Image", "Trained with noise", *levels), rows, caption, numbers=tuple(levels))


def _pictures(arrays: Arrays, context: SectionContext) -> Block:
    """Of the first, the middle and the last level, and of the best trials of either sort."""
    places = np.unique(np.linspace(0, len(arrays["levels"]) - 1, MOST_LEVELS).astype(int))
    rows = [0, *sorted(_best_rows(arrays))]
    names = ["Clean image", NOISY, *(arrays["trials"][row - 1] for row in rows[1:])]
    shown = arrays["shown"][rows][:, places]
    clean = np.broadcast_to(arrays["clean"], shown.shape[1:])
    images = np.concatenate([clean[None], shown])
    levels = arrays["levels"][places].tolist()

    def draw(width: float) -> Drawing:
        few = images if width >= WIDE else images[:, :, :2]
        return denoising_figures.before_and_after(few, names=names, levels=levels, width=width)

    caption = "Numbers above the columns are levels of noise. The same randomly chosen test images at each level."
    label = f"Images with noise, clean, noisy and restored, by {', '.join(names[2:])}"
    return context.figure(draw, name="denoising-pictures", label=label, caption=caption, heading="Before and after")


def _best_rows(arrays: Arrays) -> list[int]:
    """By their mean PSNR, the best of trials that learned to remove noise, and of the others; rows of `shown`."""
    order = 1 + np.argsort(-arrays["psnr"][1:].mean(axis=1), kind="stable")
    is_denoising = arrays["noises"][order - 1] != "none"
    return [*order[is_denoising][:MOST_ROWS].tolist(), *order[~is_denoising][:MOST_ROWS].tolist()]
