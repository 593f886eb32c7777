"""Answers about many pictures, a batch at a time: what cannot be read does not take the others' answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from papilio.data.given import pictures_at
from papilio.data.pictures import BrokenPicturesError
from papilio.data.progress import Progress
from papilio.errors import DataError
from papilio.runs.run import Run

AT_A_TIME = 64  # pictures: few enough for little memory, as many as fill a net's batch
BYTES_AT_ONCE = MOST_OF_A_LINE = 2**16


@dataclass(frozen=True)
class Answer:
    """What one picture got: a prediction, or why there is none."""

    picture: str
    prediction: Any = None
    error: str | None = None

    def __str__(self) -> str:
        return self.picture

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"picture": self.picture, "error": self.error} if self.error else self.prediction.as_plain()


def asked(names: Iterable[str | Path]) -> list[Path | Answer]:
    """The pictures of files and folders, and for a folder without any the answer that says so."""
    found: list[Path | Answer] = []
    for name in names:
        try:
            found += pictures_at(name)
        except DataError as error:
            found.append(Answer(str(name), error=str(error)))
    return found


def lines_as_they_come(file: IO[bytes]) -> Iterator[list[str]]:
    """The lines of a stream, those that are there at once together: whoever writes one and waits is answered."""
    rest = b""
    while piece := file.read1(BYTES_AT_ONCE):  # pyright: ignore[reportAttributeAccessIssue]
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > MOST_OF_A_LINE:
            raise DataError(
                f"standard input: a line of more than {MOST_OF_A_LINE:,} bytes, the most that are read;"
                " give names of pictures, one per line"
            )
        if names := _names(lines):
            yield names
    if names := _names([rest]):
        yield names


def answers(
    run: Run,
    groups: Iterable[Sequence[Path | Answer]],
    *,
    is_inverted: bool = False,
    total: int = 0,
    progress: Progress | None = None,
) -> Iterator[list[Answer]]:
    """What the run says of every picture, in order, some at a time.

    No batch has pictures of two `groups`, so that one is answered before the next is asked for. `total` is how many pictures
    there are, 0 where that is not known, for `progress`. Raises RunError where the run answers nothing about pictures.
    """
    done = 0
    for group in groups:
        for start in range(0, len(group), AT_A_TIME):
            batch = group[start : start + AT_A_TIME]
            yield _answered(run, batch, is_inverted=is_inverted, progress=_counting_on(progress, done, total))
            done += len(batch)


def _answered(
    run: Run, batch: Sequence[Path | Answer], *, is_inverted: bool, progress: Progress | None
) -> list[Answer]:
    pictures = [one for one in batch if isinstance(one, Path)]
    broken: dict[str, str] = {}
    try:
        predictions = run.predict(pictures, is_inverted=is_inverted, progress=progress)
    except BrokenPicturesError as error:
        broken = error.broken
        readable = [picture for picture in pictures if str(picture) not in broken]
        predictions = run.predict(readable, is_inverted=is_inverted, progress=progress)
    left = iter(predictions)
    return [
        one
        if isinstance(one, Answer)
        else Answer(str(one), error=broken[str(one)])
        if str(one) in broken
        else Answer(str(one), next(left))
        for one in batch
    ]


def _counting_on(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Progress of a batch as that of all batches, of which `before` pictures are done."""
    return progress and (lambda done, num, what: progress(before + done, total, what))


def _names(lines: list[bytes]) -> list[str]:
    return [line.rstrip(b"\r").decode(errors="surrogateescape") for line in lines if line.strip()]
