"""Rendered sets as files: images.npy, labels.npy, a contact sheet, perhaps factors.csv, and what they were made from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from papilio.data.factors import FACTORS, write_factors
from papilio.data.progress import Progress
from papilio.data.rendering.drawing import draw_images
from papilio.data.rendering.renderers import RENDERERS, find_set
from papilio.data.rendering.settings import RenderSettings
from papilio.errors import SettingError
from papilio.files import open_atomic, path_to_write, write_json

VERSION = 2  # raise it whenever the same settings would come out as other pixels
SHEET = (8, 6)  # columns and rows of the contact sheet
GAP, CAPTION = 6, 16  # pixels
FACTS = "rendered.json"  # what a set was made from: where it is, all of the set is


def render_set(name: str, folder: Path, settings: RenderSettings, *, progress: Progress | None = None) -> Path:
    """Write the pictures of a set to a folder, on all cores; returns the contact sheet's path.

    images.npy is uint8 (num, size, size), or (num, size, size, 3) in color; labels.npy has what each shows, factors.csv the
    factors of a set that has some. No more than a few hundred pictures are in memory at a time. Raises SettingError for a
    set, a variety or a path that cannot be, DataError where a font is not installed, StorageError where the folder cannot be
    written.
    """
    renderer, folder = RENDERERS[find_set(name)], path_to_write(folder, error=SettingError)
    renderer.refuse_unknown(settings.variety)
    values, made_from = renderer.shown(settings), renderer.made_from()
    draw_images(folder / "images.npy", name, settings, progress=progress)
    with open_atomic(folder / "labels.npy") as file:
        np.save(file, renderer.labels(values))
    if factors := renderer.factors(values):
        write_factors(folder / FACTORS, factors)
    shown = np.linspace(0, settings.num - 1, min(settings.num, SHEET[0] * SHEET[1])).round().astype(int)
    if renderer.quantity is not None:
        shown = shown[np.argsort(values[shown], kind="stable")]
    images = np.load(folder / "images.npy", mmap_mode="r")
    captions = [renderer.words(value) for value in values[shown].tolist()]
    sheet = _write_sheet(folder / "contact-sheet.png", images[shown], captions)
    facts = {"set": name, "papilio": metadata.version("papilio"), "version": VERSION, **asdict(settings)}
    facts |= {"made_from": made_from} if made_from else {}
    write_json(folder / FACTS, facts)
    return sheet


def _write_sheet(path: Path, images: np.ndarray, captions: Iterable[str]) -> Path:
    """Pictures in rows, what each shows below it."""
    columns = min(SHEET[0], len(images))
    side = images.shape[1]
    step_x, step_y = side + GAP, side + GAP + CAPTION
    size = (columns * step_x + GAP, math.ceil(len(images) / columns) * step_y + GAP)
    sheet = Image.new("L" if images.ndim == 3 else "RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = GAP + number % columns * step_x, GAP + number // columns * step_y
        sheet.paste(Image.fromarray(image), (x, y))
        draw.text((x + side / 2, y + side + CAPTION / 2), caption, fill="#282828", font=font, anchor="mm")
    with open_atomic(path) as file:
        sheet.save(file, format="PNG")
    return path
