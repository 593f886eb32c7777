"""A user's own pictures, as a run is shown them, and as points of its map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from papilio.data.given import as_pictures
from papilio.data.pictures import BrokenPicturesError, unreadable_pictures
from papilio.data.progress import Progress
from papilio.data.splits import SPLITS
from papilio.errors import DataError
from papilio.explorer.cloud import Cloud, cloud_of_pictures
from papilio.offers.files import shown_to
from papilio.runs.run import Run

YOURS = len(SPLITS)  # the split of a user's own pictures


@dataclass(frozen=True)
class OwnPictures:
    """Pictures by their files' names, each with what may be wrong with it; uint8 (num, channel, height, width)."""

    names: tuple[str, ...]
    notes: tuple[str | None, ...]
    images: np.ndarray
    cloud: Cloud

    def __len__(self) -> int:
        return len(self.names)


def read_own(run: Run, paths: Sequence[Path], progress: Progress) -> OwnPictures:
    """Files, and all pictures of folders. Raises DataError, naming all of them, for files that cannot be read as one."""
    given = as_pictures(list(paths), shape=run.image_shape)
    try:
        images, notes = read_shown(run, given, progress)
    except DataError as error:
        broken = unreadable_pictures(given, bits=run.facts.run_settings.data.bits)
        if not broken:
            raise
        raise BrokenPicturesError(broken, num=len(given), advice="move them elsewhere") from error
    return OwnPictures(
        tuple(Path(str(one)).name for one in given), notes, images, cloud_of_pictures(run, images, split=YOURS)
    )


def read_shown(run: Run, pictures: Sequence, progress: Progress | None) -> tuple[np.ndarray, tuple[str | None, ...]]:
    """Pictures as the run is shown them, and what may be wrong with each: the page has no option that swaps light and dark."""
    images, hints = shown_to(run, pictures, is_inverted=False, progress=progress)
    return images, tuple(hint and hint.replace("try --invert", "swap light and dark in the file") for hint in hints)
