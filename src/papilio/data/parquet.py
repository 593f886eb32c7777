"""Image sets in Parquet files, as Hugging Face stores them: a column of pictures' bytes, and one of labels.

A row is given as a member of an archive, SPLIT/CLASS/FILE-ROW, so that all that reads archives of pictures reads these, too.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from papilio.archives import MAX_MEMBER_BYTES, Member, refuse_too_much, unpacking_limit
from papilio.data.layout import SPLIT_FOLDERS, is_hidden, is_picture
from papilio.errors import DataError, reason_of
from papilio.files import open_regular

SUFFIX = ".parquet"
IMAGES, LABELS = (
    ("image", "img", "picture", "photo", "jpg", "png"),
    ("label", "labels", "class", "target", "fine_label"),
)
ROWS_AT_ONCE = 64
MAX_BYTES_AT_ONCE = 2**28  # of rows together, each of which may be as large as all of its part of the file
EXPECTED = "expected a column image (bytes, or a struct with bytes) and a column label"


@dataclass(frozen=True)
class Columns:
    """Where a file has its pictures and labels; `names` are what whole-number labels stand for, if the file says it."""

    images: str
    is_struct: bool
    labels: str | None
    names: tuple[str, ...]


def is_parquet(path: Path) -> bool:
    """Whether a path is a Parquet file, or a folder with such files, and no pictures, at the top or one folder down."""
    if path.is_file():
        return path.name.lower().endswith(SUFFIX)
    return not any(is_picture(file.name) for file in _near(path)) and bool(_files(path))


def read_parquet(path: Path, *, with_labels: bool = True) -> Iterator[Member]:
    """The pictures of a Parquet file, or of all in a folder, whose names may begin with train, test or validation.

    Members are named SPLIT/CLASS/FILE-ROW; without labels, or with `with_labels` off, the class is left out. Raises DataError
    for damaged files, missing columns and labels, and where pyarrow is not installed.
    """
    files = [path] if path.is_file() else _files(path)
    splits = {file: _split_of(file, path) for file in files}
    if None in splits.values() and len(set(splits.values())) > 1:
        unnamed = next(file for file, split in splits.items() if split is None)
        raise DataError(
            f"{unnamed}: the other files are named train, test or validation; rename it accordingly, or move it away"
        )
    names = _names_of_files(files, path)
    for file, split in splits.items():
        for row, (label, content) in enumerate(_rows(file, with_labels=with_labels)):
            # a row is a picture, of whatever format
            parts = [*filter(None, (split, label)), f"{names[file]}-{row:08}.png"]
            yield Member("/".join(parts), len(content), False, lambda content=content: io.BytesIO(content))


def _names_of_files(files: Sequence[Path], folder: Path) -> dict[Path, str]:
    """Without suffix; with the folder in front where another file has the same name."""
    num = Counter(file.stem for file in files)
    return {
        file: file.stem if num[file.stem] == 1 else "-".join(file.relative_to(folder).with_suffix("").parts)
        for file in files
    }


def _files(folder: Path) -> list[Path]:
    names = (file.relative_to(folder).as_posix() for file in _near(folder) if file.name.lower().endswith(SUFFIX))
    return sorted(folder / name for name in names if not is_hidden(name))


def _near(folder: Path) -> Iterator[Path]:
    """What lies in a folder, and in its folders."""
    with contextlib.suppress(OSError):
        for pattern in ("*", "*/*"):
            yield from folder.glob(pattern)


def _split_of(file: Path, folder: Path) -> str | None:
    """What the name of a file, train-00000-of-00001.parquet, or of a folder around it, says of its split."""
    around = PurePosixPath(file.relative_to(folder) if file != folder else file.name).parts
    words = [word for part in reversed(around) for word in part.replace("_", "-").replace(".", "-").split("-")[:1]]
    return next((SPLIT_FOLDERS[word.lower()] for word in words if word.lower() in SPLIT_FOLDERS), None)


def _rows(file: Path, *, with_labels: bool) -> Iterator[tuple[str | None, bytes]]:
    """The label, as a folder would be called, and the picture's bytes of each row."""
    parquet = _pyarrow()
    try:
        with open_regular(file) as raw, parquet.ParquetFile(raw) as table:
            columns = _columns(file, table.schema_arrow, with_labels=with_labels)
            chosen = [columns.images, *([columns.labels] if columns.labels else [])]
            limit, num_bytes = unpacking_limit(file), 0
            for batch in table.iter_batches(_rows_at_once(file, table.metadata), columns=chosen):
                num_bytes += batch.nbytes
                refuse_too_much(file, num_bytes, limit)
                contents = batch.column(columns.images)
                if columns.is_struct:
                    contents = contents.field("bytes")
                labels = batch.column(columns.labels).to_pylist() if columns.labels else [None] * len(contents)
                for label, content in zip(labels, contents, strict=True):
                    yield _class(file, label, columns), _bytes(file, content.as_py())
    except DataError:
        raise
    except Exception as error:  # whatever damaged files make pyarrow raise
        raise DataError(f"{file}: cannot be read as Parquet ({reason_of(error)}); write it again") from error


def _rows_at_once(file: Path, metadata: Any) -> int:
    """How many rows are unpacked together; raises DataError for a part that unpacks to too much for a file of its size."""
    parts = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]
    refuse_too_much(file, sum(parts), unpacking_limit(file))
    return max(1, min(ROWS_AT_ONCE, MAX_BYTES_AT_ONCE // max([1, *parts])))


def _columns(file: Path, schema: Any, *, with_labels: bool) -> Columns:
    import pyarrow.types as types

    def is_bytes(kind: Any) -> bool:
        return types.is_binary(kind) or types.is_large_binary(kind)

    def is_struct(kind: Any) -> bool:
        return types.is_struct(kind) and any(field.name == "bytes" and is_bytes(field.type) for field in kind)

    kinds = {field.name: field.type for field in schema}
    images = _first(IMAGES, [name for name, kind in kinds.items() if is_bytes(kind) or is_struct(kind)])
    there = f"its columns are {', '.join(kinds)}"
    if images is None:
        raise DataError(f"{file}: {there}; {EXPECTED}")
    labels = _named(LABELS, [name for name in kinds if name != images]) if with_labels else None
    if with_labels and labels is None:
        raise DataError(f'{file}: no column of labels, {there}; call it label, or set labels = "none"')
    return Columns(images, is_struct(kinds[images]), labels, _names(schema.metadata or {}, labels))


def _first(preferred: Sequence[str], there: Sequence[str]) -> str | None:
    return _named(preferred, there) or next(iter(there), None)


def _named(preferred: Sequence[str], there: Sequence[str]) -> str | None:
    lowered = {name.lower(): name for name in there}
    return next((lowered[name] for name in preferred if name in lowered), None)


def _names(metadata: dict[bytes, bytes], labels: str | None) -> tuple[str, ...]:
    """The names of whole-number labels, as Hugging Face's libraries leave them in a file's metadata."""
    try:
        names = json.loads(metadata[b"huggingface"])["info"]["features"][labels]["names"]
    except (KeyError, ValueError, TypeError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _class(file: Path, label: Any, columns: Columns) -> str | None:
    if columns.labels is None:
        return None
    if label is None or (isinstance(label, int) and label < 0) or not str(label).strip():
        raise DataError(
            f'{file}: column {columns.labels}: {label!r} is not a valid class; remove such rows, or set labels = "none"'
        )
    if isinstance(label, list | dict | float | bytes):
        raise DataError(
            f"{file}: column {columns.labels}: labels must be integers or words, not {type(label).__name__}"
        )
    if isinstance(label, int) and columns.names:
        if label >= len(columns.names):
            raise DataError(
                f"{file}: column {columns.labels}: {label}, but there are {len(columns.names)} names of classes"
            )
        label = columns.names[label]
    name = str(label).replace("/", "∕")  # a class in a folder would be one of two words
    return f"_{name}" if is_hidden(name) else name


def _bytes(file: Path, content: Any) -> bytes:
    if not isinstance(content, bytes):
        raise DataError(f"{file}: a row has a file path instead of a picture's bytes; store the pictures in the file")
    if len(content) > MAX_MEMBER_BYTES:
        raise DataError(f"{file}: a picture of {len(content):,} bytes, at most {MAX_MEMBER_BYTES:,} are read")
    return content


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            "Parquet files need the package pyarrow, which is not installed: pip install 'papilio[parquet]'"
        ) from error
    return pyarrow.parquet
