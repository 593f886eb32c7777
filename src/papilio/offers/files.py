"""A user's pictures, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from papilio.data.progress import Progress


def counted(pictures: Sequence[Path | str], progress: Progress | None) -> Iterator[Path]:
    """Each picture's path; `progress` is told how many have been taken."""
    for num, picture in enumerate(pictures, start=1):
        yield Path(picture)
        if progress:
            progress(num, len(pictures), "reading pictures")
