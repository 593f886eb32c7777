"""What small files unpack to, and what has no end: bounded by numbers, in memory and in time. Each was a fault once."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from image_files import class_folders, tar_bytes, write_files
from PIL import Image

from papilio import archives
from papilio.archives import read_archive
from papilio.data import members, parquet
from papilio.data.factors import read_factors
from papilio.data.load import load_images
from papilio.data.npz import read_npz_array
from papilio.data.pictures import read_picture
from papilio.errors import DataError
from papilio.offers.streams import lines_as_they_come

MANY_BYTES, FEW_BYTES = 2**25, 1000  # of a member, and as its archive says
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def refused(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_images(path, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.isprintable() and len(message) < 1000 and str(path) in message
    return message


def peak_bytes(read: Callable[[], object]) -> int:
    """What Python has allocated at most while it read, or refused to."""
    tracemalloc.start()
    try:
        read()
    except (DataError, *archives.BROKEN):
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


def write_understated(path: Path, name: str, content: bytes, compression: int) -> Path:
    """A zip of one member, which has fewer bytes by what the archive says."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(name, content)
    packed = path.read_bytes()
    path.write_bytes(packed.replace(struct.pack("<I", len(content)), struct.pack("<I", FEW_BYTES)))
    return path


@pytest.mark.parametrize("compression", COMPRESSIONS[1:])
def test_no_more_is_unpacked_than_a_zip_says_of_a_member(compression: int, tmp_path: Path) -> None:
    path = write_understated(tmp_path / "a.zip", "ant/x.png", bytes(MANY_BYTES), compression)
    assert peak_bytes(lambda: [one.open().read() for one in read_archive(path)]) < MANY_BYTES / 3
    path = path.rename(tmp_path / "a.npz")
    assert peak_bytes(lambda: read_npz_array(path, shape=(3, 2, 2), remedy="fetch it again")) < MANY_BYTES / 3


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_members_of_every_compression_are_what_was_packed(compression: int, tmp_path: Path) -> None:
    contents = {"ant/x.png": os.urandom(70_000), "ant/y.png": b"", "bee/z.png": b"z" * 3_000_000}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    assert {one.name: one.open().read() for one in read_archive(tmp_path / "a.zip")} == contents
    for one in read_archive(tmp_path / "a.zip"):
        with one.open() as file:
            assert file.seek(2) in (0, 2) and file.read(5) == contents[one.name][2:7]


def header(kind: bytes, content: bytes) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, len(content)
    return info.tobuf(tarfile.USTAR_FORMAT)[:512] + content + bytes(-len(content) % 512)


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_headers_of_millions_of_entries_are_not_read(
    kind: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_HEADER_BYTES", 2**14)
    entries = b"12 comment=\n" * 4000
    (tmp_path / "a.tgz").write_bytes(gzip.compress(header(kind, entries) + tar_bytes(class_folders())))
    assert "headers of long names have more than 16,384 bytes" in refused(tmp_path / "a.tgz")


def test_long_names_of_many_members_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_HEADER_BYTES", 2**14)
    files = {f"ant/{'long' * 40}-{number}.txt": b"x" for number in range(200)}
    (tmp_path / "a.tar").write_bytes(tar_bytes(files))
    assert [one.name for one in read_archive(tmp_path / "a.tar") if not one.is_folder] == list(files)


def test_holes_of_the_latest_format_are_refused_before_they_are_read(tmp_path: Path) -> None:
    sparse = header(b"x", b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n")
    (tmp_path / "a.tar").write_bytes(sparse + header(b"0", b"9999999\n" + b"1\n" * 1000) + tar_bytes(class_folders()))
    assert "member 'x' has holes; pack it again without --sparse" in refused(tmp_path / "a.tar")


def test_a_picture_with_gigabytes_of_nothing_behind_it_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MAX_MEMBER_BYTES", 2**20)
    write_files(tmp_path / "set", class_folders())
    with next((tmp_path / "set").glob("ant/*.png")).open("r+b") as file:
        file.truncate(2**21)
    assert "a file of more than 1,048,576 bytes" in refused(tmp_path / "set")


def test_a_jpeg_of_very_many_scans_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (16, 16), "red").save(path := tmp_path / "a.jpg", progressive=True)
    content = path.read_bytes()
    assert read_picture(path, shape=(3, 8, 8)).shape == (3, 8, 8)
    path.write_bytes(content[:-2] + content[content.index(b"\xff\xda") : -2] * 20 + content[-2:])
    with pytest.raises(DataError, match=r"a progressive JPEG of \d+ scans, at most 100 are decoded"):
        read_picture(path, shape=(3, 8, 8))


def write_parquet(path: Path, images: pa.Array) -> Path:
    pq.write_table(pa.table({"image": images, "label": [0] * len(images)}), path, compression="zstd")
    return path


@pytest.mark.parametrize("is_repeated", [True, False])
def test_parquet_files_that_unpack_to_much_are_refused(
    is_repeated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "SMALL_BYTES", 2**20)
    images = [bytes(2**19)] * 20 if is_repeated else [bytes(2**21)]
    path = write_parquet(tmp_path / "a.parquet", pa.array(images, pa.binary()))
    assert path.stat().st_size < 2**15
    assert "unpacks to" in refused(path)


def test_rows_are_read_together_only_as_far_as_memory_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_parquet(tmp_path / "a.parquet", pa.array([bytes(1000)] * 8, pa.binary()))
    metadata = pq.ParquetFile(path).metadata
    assert parquet._rows_at_once(path, metadata) == parquet.ROWS_AT_ONCE
    monkeypatch.setattr(parquet, "MAX_BYTES_AT_ONCE", 2 * metadata.row_group(0).total_byte_size)
    assert parquet._rows_at_once(path, metadata) == 2
    monkeypatch.setattr(parquet, "MAX_BYTES_AT_ONCE", 1)
    assert parquet._rows_at_once(path, metadata) == 1


def test_a_pipe_for_factors_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "factors.csv")
    with pytest.raises(DataError, match=r"factors\.csv: cannot be read as factors \(not a regular file\)"):
        read_factors(tmp_path / "factors.csv", num=2)


def test_factors_beyond_whole_numbers_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "factors.csv").write_text("a,b\n1e300,1\n2,2\n")
    factors = read_factors(tmp_path / "factors.csv", num=2)
    assert factors["a"].tolist() == [1e300, 2.0] and factors["b"].dtype == np.int64


def test_a_table_without_an_end_is_not_read(tmp_path: Path) -> None:
    write_files(tmp_path / "set", class_folders())
    with (tmp_path / "labels.csv").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(DataError, match=r"labels\.csv: cannot be read as a table \(it has 1,099,511,627,776 bytes"):
        load_images(tmp_path / "set", labels=tmp_path / "labels.csv")


def test_a_line_without_an_end_on_standard_input_is_refused() -> None:
    with pytest.raises(DataError, match="standard input: a line of more than 65,536 bytes"):
        list(lines_as_they_come(io.BufferedReader(io.BytesIO(bytes(10**6)))))  # type: ignore[arg-type]
    assert list(lines_as_they_come(io.BytesIO(b"a.png\nb.png"))) == [["a.png"], ["b.png"]]
