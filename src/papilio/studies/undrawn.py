"""Sets that Papilio draws, before they are drawn: all is known of them but their pixels."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.data.load import chosen_images, is_no_labels, split_images
from papilio.data.pictures import resolve_size
from papilio.data.rendering.renderers import RENDERERS, make_renderer, settings_of
from papilio.data.rendering.settings import RenderSettings
from papilio.data.rendering.source import is_drawn, numbered
from papilio.data.scaling import COLORS, convert_images
from papilio.errors import SettingError
from papilio.settings.data_settings import DataSettings


@dataclass(frozen=True)
class UndrawnSet(ImageSet):
    """A set whose `images` stand for pictures of `shape` (channel, height, width).

    Each is the number of the picture and what it is drawn by, uint8 (num, 1, 1, 12): equal for equal pictures alone.
    """

    shape: tuple[int, int, int] = (1, 1, 1)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.shape


def undrawn_images_of(data: DataSettings) -> UndrawnSet | None:
    """The set of a [data] table without its pixels, where it is one that would have to be drawn first.

    None of any other set, and of one whose table asks for what only pictures have. Raises what reading the set raises.
    """
    how = waits_to_be_drawn(data)
    if how is None:
        return None
    try:
        make_renderer(str(data.name), how)
    except SettingError as error:
        raise SettingError(f"data.render: {error}") from error
    images = numbered_images_of(data, how)
    drawn_by = hashlib.sha256(json.dumps([data.name, asdict(how)]).encode()).digest()[:8]
    marks = np.broadcast_to(np.frombuffer(drawn_by, np.uint8), (len(images.images), 1, 1, 8))
    known = {field.name: getattr(images, field.name) for field in fields(images)}
    known["images"] = np.concatenate([images.images, marks], axis=3)
    return UndrawnSet(**known, shape=_shape(data, how))


def waits_to_be_drawn(data: DataSettings) -> RenderSettings | None:
    """How the set of a [data] table is drawn, where nothing but drawing it is left to do; None otherwise."""
    if data.name not in RENDERERS or data.binarize:  # each pixel's chance depends on all pictures before
        return None
    if not (data.labels is None or is_no_labels(data.labels)) or data.period or data.bits or data.unreadable == "skip":
        return None  # refused where the set is read
    try:
        how = settings_of(data.name, data.render or {})
    except SettingError as error:
        raise SettingError(f"data.render: {error}") from error
    return None if is_drawn(data.name, how) else how


def numbered_images_of(data: DataSettings, how: RenderSettings) -> ImageSet:
    """A set that is drawn so, with the splits of a [data] table; its images are numbers (see `numbered`)."""
    raw = numbered(str(data.name), how)
    raw = raw.without_labels() if is_no_labels(data.labels) else raw
    images = split_images(raw, validation=data.validation, test=data.test, seed=data.seed)
    return chosen_images(images, seed=data.seed, fraction=data.fraction, num_train=data.num_train)


def _shape(data: DataSettings, how: RenderSettings) -> tuple[int, int, int]:
    """(channel, height, width) of a picture, in the size and color that the table asks for."""
    black = np.zeros((1, 3 if how.color == "rgb" else 1, how.size, how.size), np.uint8)
    color = None if data.color is None else COLORS[data.color]
    channel, height, width = convert_images(black, size=resolve_size(data.size), color=color).shape[1:]
    return channel, height, width
