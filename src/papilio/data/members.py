"""The files of many pictures, in a folder or an archive: looked at, and worked on with threads."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TypeVar

from papilio.archives import BROKEN, MAX_MEMBER_BYTES, Member
from papilio.data.decoding import Looks, UnreadablePictureError, probe_picture
from papilio.data.parallel import map_threaded
from papilio.data.pictures import MAX_SIDE
from papilio.data.progress import Progress
from papilio.data.scaling import Color, Size
from papilio.errors import DataError, agreed, reason_of

Result = TypeVar("Result")

NUM_NAMED = 3
FEW = 20  # one picture in so many may be enlarged
MOST_SKIPPED_NAMED = 20
SKIP = 'unreadable = "skip"'
LARGE_SIDE = 224  # of pictures for nets that are not small any more
# pictures whose files are known by their first bytes alone
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"RIFF")


def begins_as_picture(member: Member) -> bool:
    """Whether a file begins as a JPEG, PNG, GIF or WebP does, whatever it is called."""
    try:
        with member.open() as file:
            head = file.read(12)
    except BROKEN:
        return False
    return head.startswith(SIGNATURES) and (not head.startswith(b"RIFF") or head.endswith(b"WEBP"))


def probe_member(member: Member) -> Looks | UnreadablePictureError:
    """What a picture's header says, or why it cannot be read. Enter `pillow_limits` around it."""
    try:
        with member.open() as file:
            return probe_picture(file)
    except (UnreadablePictureError, *BROKEN) as error:
        return UnreadablePictureError(reason_of(error))


def for_each_picture(
    members: Iterable[Member],
    function: Callable[[IO[bytes]], Result],
    *,
    num_pictures: int,
    what: str,
    progress: Progress | None,
    result_bytes: int = 0,
) -> Iterator[tuple[str, Result | UnreadablePictureError]]:
    """Apply a function to every picture's file, with threads; gives names and results in the order they are read.

    A picture that cannot be read gives its error as the result. `result_bytes` is how much memory a result takes. Enter
    `pillow_limits` around it.
    """

    def apply(item: tuple[str, bytes | UnreadablePictureError]) -> tuple[str, Result | UnreadablePictureError]:
        name, content = item
        if isinstance(content, UnreadablePictureError):
            return name, content
        try:
            return name, function(io.BytesIO(content))
        except UnreadablePictureError as error:
            return name, error

    def num_bytes(item: tuple[str, bytes | UnreadablePictureError]) -> int:
        return result_bytes + (len(item[1]) if isinstance(item[1], bytes) else 0)

    contents = ((member.name, _content(member)) for member in members)
    for done, result in enumerate(map_threaded(apply, contents, num_bytes=num_bytes), start=1):
        yield result
        if progress is not None:
            progress(done, num_pictures, what)


def refuse_broken(path: Path, broken: Mapping[str, str], *, advice: str = "") -> None:
    """Raise DataError, naming the first few, where pictures cannot be read."""
    if broken:
        num, them = f"{len(broken):,} picture{'s' if len(broken) > 1 else ''}", "them" if len(broken) > 1 else "it"
        raise DataError(
            f"{path}: {num} cannot be read: {broken_words(broken, most=NUM_NAMED)}; remove or replace {them}, or set"
            f" {SKIP} to leave {them} out{advice}"
        )


def skipped_notes(broken: Mapping[str, str]) -> list[str]:
    """What a reader of results must know of pictures that were left out as they cannot be read, if there are any."""
    if not broken:
        return []
    what = agreed(len(broken), "{} picture that cannot be read was", "{} pictures that cannot be read were")
    return [f"{what} left out ({SKIP}): {broken_words(broken, most=MOST_SKIPPED_NAMED)}"]


def broken_words(broken: Mapping[str, str], *, most: int) -> str:
    """Pictures that cannot be read with the reasons; of more than `most` the first ones."""
    first = ", ".join(f"{name} ({reason})" for name, reason in sorted(broken.items())[:most])
    return first + (f", and {len(broken) - most:,} more" if len(broken) > most else "")


def common_size(path: Path, looks: Iterable[Looks]) -> Size:
    """The size that all pictures have; raises DataError where they have none, or one too large to work with."""
    sizes = Counter(look.size for look in looks)
    if len(sizes) > 1:
        raise DataError(f"{path}: the pictures differ in size: {size_counts(sizes)}; {one_size(sizes)}")
    (size,) = sizes
    if max(size) > MAX_SIDE:
        raise DataError(f"{path}: the pictures are {size_counts(sizes)}, at most {MAX_SIDE} per side; set a size")
    return size


def one_size(sizes: Counter[Size]) -> str:
    """What to do about pictures of different sizes: only the smallest few are enlarged, and what is large is made small."""
    sides = sorted(min(size) for size in sizes.elements())
    return f"set one size: size = {min(LARGE_SIDE, sides[len(sides) // FEW])}"


def common_color(looks: Iterable[Looks]) -> Color:
    """Gray where every picture is gray, else RGB."""
    return "grey" if all(look.is_grey for look in looks) else "rgb"


def size_counts(sizes: Counter[Size]) -> str:
    """The commonest sizes in words; says which side is the height unless all are square."""
    listed = ", ".join(f"{height} x {width} ({count})" for (height, width), count in sizes.most_common(NUM_NAMED))
    others = agreed(len(sizes) - NUM_NAMED, ", and {} other size", ", and {} other sizes")
    listed += others if len(sizes) > NUM_NAMED else ""
    return listed if all(height == width for height, width in sizes) else f"{listed} [height x width]"


def _content(member: Member) -> bytes | UnreadablePictureError:
    try:
        with member.open() as file:
            content = file.read(MAX_MEMBER_BYTES + 1)
        if len(content) > MAX_MEMBER_BYTES:
            return UnreadablePictureError(f"a file of more than {MAX_MEMBER_BYTES:,} bytes, the most that are read")
        return content
    except BROKEN as error:
        return UnreadablePictureError(reason_of(error))
