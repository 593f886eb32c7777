"""Walks through a latent space: one coordinate, or several together, along a line while the others stay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from papilio.analysis.latent_scale import has_prior, latent_scale
from papilio.analysis.samples import sample_latents
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.errors import DataError, RunError, SettingError, did_you_mean
from papilio.kinds.kind import Planned
from papilio.kinds.options import WalkOptions
from papilio.offers.latents import class_numbers
from papilio.runs.run import Run
from papilio.settings.run_settings import is_own

MOST_ROWS = 8
MOST_CLASSES = 10  # of which there is a row
MOST_DECODED = 4096  # images, for finding out which coordinates matter
MOST_STARTS = 8
REACH = 2.0  # standard deviations each way, for the same
MOST_BYTES = 4_000_000  # of the pictures between those of the sheet, for animations


def check_walk(options: WalkOptions, planned: Planned) -> str | None:
    """What of the coordinates is missing; raises SettingError for a test image to start from that does not exist."""
    if not isinstance(options.start, str):
        if "encode" not in planned.kind.offers:
            raise SettingError(f"start = {options.start}: {planned.kind.name} does not encode; take prior or mean")
        if options.start >= planned.num_test:
            raise SettingError(f"start = {options.start}: {_numbered(planned.num_test, 'test images')}")
    if options.label is not None and (lack := _lacking_label(options.label, planned)):
        return lack
    if options.coordinates is None or planned.latents is None:
        return None
    last = max(max([one] if isinstance(one, int) else one) for one in options.coordinates)
    return None if last < planned.latents else f"coordinates: no {last}: {_numbered(planned.latents, 'coordinates')}"


def _lacking_label(label: str, planned: Planned) -> str | None:
    """Why a run cannot show a class; raises SettingError where its images have no such class."""
    model = planned.settings.model
    if not is_own(model.family) and not model.arguments.get("conditional"):
        return "label: its nets are unconditional, so no class can be requested"
    names = planned.images.class_names
    if label not in names:
        raise SettingError(f"label: {label!r} is not one of the classes; {did_you_mean(label, names)}")
    return None


def _numbered(num: int, what: str) -> str:
    return f"{what} are numbered from 0 to {num - 1}" if num else f"there are no {what}"


def walk(run: Run, images: ImageSet, options: WalkOptions) -> Arrays:
    """Decode lines through latent space.

    Arrays over r rows and s steps: `coordinates` text (r,), numbers from 0, several with commas between them; `offsets`
    float64 (s,) from the start, in standard deviations of the coordinate (see `latent_scale`); `images` uint8
    (r, f, channel, height, width), of which every `every`-th belongs to an offset and the others lie between;
    `start` float32 (latents,); `classes`, of a conditional run, text (r,), the class that each row shows; `missing` text,
    coordinates that were asked for and are missing. `changes` float64 (latents,) is given where the rows were chosen by it:
    how much each coordinate changes the picture, see `picture_change`. `is_fitted` is true where the run has no prior of its
    own. Of a run that has none of the coordinates there are only `missing` and the number of its `latents`. Empty where the
    run does not decode, or should show a class and is not conditional.

    A conditional run shows the class `options.label`. By default it is the first one, and below there are rows in which the
    first coordinates move in each of the other classes, ten in all at most.

    Raises RunError if walks should start at an image and the run does not encode, DataError for an image that does not exist.
    """
    if "decode" not in run.kind.offers or (options.label is not None and not run.conditional_classes):
        return {}
    mean, deviation = latent_scale(run, images)
    start = start_of(run, images, options, mean=mean)
    arrays: dict[str, np.ndarray] = {}
    if options.coordinates is None:
        arrays["changes"] = picture_change(run, images, mean=mean, deviation=deviation, seed=options.seed)
        order = np.argsort(-arrays["changes"], kind="stable")[:MOST_ROWS]
        rows, missing = [[int(index)] for index in order], []
    else:
        asked = [[one] if isinstance(one, int) else list(one) for one in options.coordinates]
        rows = [row for row in asked if max(row) < len(mean)]
        missing = [row for row in asked if max(row) >= len(mean)]
    if not rows:
        return {"missing": np.array([_named(row) for row in missing], dtype=str), "latents": np.array(len(mean))}
    shown = _classes_of_rows(run, rows, options.label)
    rows += [rows[0]] * (len(shown) - len(rows))
    every = 2 if len(rows) * 2 * options.steps * np.prod(run.image_shape) <= MOST_BYTES else 1
    fine = np.linspace(*options.range, every * (options.steps - 1) + 1)
    latents = np.concatenate([line(start, row, fine, deviation) for row in rows])
    labels = np.repeat(shown, len(fine)) if run.conditional_classes else None
    pictures = run.decode(latents) if labels is None else run.decode(latents, labels=labels.tolist())
    return arrays | {
        "coordinates": np.array([_named(row) for row in rows]),
        "missing": np.array([_named(row) for row in missing], dtype=str),
        "offsets": fine[::every],
        "every": np.array(every),
        "images": pictures.reshape(len(rows), len(fine), *pictures.shape[1:]),
        "start": start,
        **({"classes": np.array([run.class_names[one] for one in shown])} if run.conditional_classes else {}),
        "is_fitted": np.array(not has_prior(run)),
    }


def _classes_of_rows(run: Run, rows: Sequence[Sequence[int]], label: str | None) -> list[int]:
    """The class that each row shows, by its number: of the rows there are, and of those that repeat the first one."""
    if not run.conditional_classes:
        return [0] * len(rows)
    if label is not None:
        return class_numbers(run, label, num=len(rows)).tolist()
    return [0] * len(rows) + list(range(1, min(run.conditional_classes, MOST_CLASSES)))


def line(start: np.ndarray, coordinates: Sequence[int], offsets: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Latents float32 (offsets, latents): `start`, with so many standard deviations added to the coordinates."""
    latents = np.repeat(start[None, :].astype(np.float32), len(offsets), axis=0)
    columns = list(dict.fromkeys(coordinates))
    latents[:, columns] += (offsets[:, None] * deviation[None, columns]).astype(np.float32)
    return latents


def start_of(run: Run, images: ImageSet, options: WalkOptions, *, mean: np.ndarray) -> np.ndarray:
    """The latent where walks begin: float32 (latents,)."""
    if options.start == "mean":
        return mean
    if options.start == "prior":
        return drawn_latents(run, images, num=1, seed=options.seed)[0]
    chosen = images.indices("test")
    if "encode" not in run.kind.offers:
        raise RunError(
            f"{run.folder}: walks start at an image (start = {options.start}), but {run.kind.name} does not encode"
        )
    if options.start >= len(chosen):
        raise DataError(f"{images.name}: start = {options.start}: test images are numbered from 0 to {len(chosen) - 1}")
    return run.encode(images.images[chosen[[options.start]]])[0]


def drawn_latents(run: Run, images: ImageSet, *, num: int, seed: int) -> np.ndarray:
    """Latents of the prior, or, where there is none, of what stands in for it (`sample_latents`): float32 (num, latents)."""
    if not has_prior(run):
        return sample_latents(run, images, num=num, seed=seed)
    return np.random.default_rng(seed).standard_normal((num, run.latents)).astype(np.float32)


def picture_change(run: Run, images: ImageSet, *, mean: np.ndarray, deviation: np.ndarray, seed: int = 0) -> np.ndarray:
    """How much each coordinate changes the decoded picture: float64 (latents,).

    The mean squared difference of pixels (from 0 to 1) between 2 standard deviations to either side of a start, averaged over
    up to 8 starts that are drawn from the prior.
    """
    num = len(mean)
    num_starts = int(np.clip(MOST_DECODED // (2 * num), 1, MOST_STARTS))
    starts = drawn_latents(run, images, num=num_starts, seed=seed)
    changes = np.zeros(num)
    for start in starts:
        for first in range(0, num, 256):
            steps = np.diag(REACH * deviation)[first : first + 256]
            below, above = (run.decode(start + sign * steps).astype(np.float32) for sign in (-1, 1))
            changes[first : first + 256] += np.square((above - below) / 255).mean(axis=(1, 2, 3))
    return changes / num_starts


def _named(row: Sequence[int]) -> str:
    return ",".join(map(str, row))
