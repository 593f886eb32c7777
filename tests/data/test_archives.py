"""Archives that are hostile, damaged or cut short."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_files import class_folders, tar_bytes, write_tar, write_zip

from papilio import archives
from papilio.archives import read_archive, safe_name
from papilio.data.load import load_images
from papilio.errors import DataError

HOSTILE = ["/etc/passwd", "../up.png", "a/../../up.png", "C:/windows/x.png", "..\\up.png", "\\server\\x.png"]


def read_all(path: Path) -> dict[str, bytes]:
    contents = {}
    for member in read_archive(path):
        if not member.is_folder:
            with member.open() as file:
                contents[member.name] = file.read()
    return contents


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz"])
def test_every_member_is_read(tmp_path: Path, name: str) -> None:
    files = {"a/x.txt": b"one", "b/y.txt": b"", "./c.txt": b"three" * 1000}
    path = write_zip(tmp_path / name, files) if name.endswith("zip") else write_tar(tmp_path / name, files)
    assert read_all(path) == {"a/x.txt": b"one", "b/y.txt": b"", "c.txt": b"three" * 1000}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["a.zip", "a.tar"])
def test_names_that_point_out_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    files = {**class_folders(), name: b"x"}
    path = write_zip(tmp_path / kind, files) if kind == "a.zip" else write_tar(tmp_path / kind, files)
    with pytest.raises(DataError, match="points out of the archive"):
        load_images(path)
    assert not (tmp_path.parent / "up.png").exists()


@given(st.text(alphabet="ab./\\:C", min_size=1, max_size=12))
def test_a_safe_name_stays_inside(name: str) -> None:
    try:
        safe = safe_name(Path("a.zip"), name)
    except DataError:
        return
    inside = (Path("/root/folder") / safe).resolve()
    assert inside.is_relative_to("/root/folder")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_tars_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("a/link.png")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(DataError, match=r"'a/link\.png' is a link or a device"):
        read_all(tmp_path / "a.tar")


def test_links_in_zips_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a/link.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="is a link"):
        read_all(tmp_path / "a.zip")


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a/x.png": b"x"})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="is encrypted"):
        read_all(path)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for _ in range(2):
            archive.addfile(tarfile.TarInfo("a/x.png"), io.BytesIO())
    with pytest.raises(DataError, match=r"holds a/x\.png twice"):
        read_all(tmp_path / "a.tar")


@pytest.mark.parametrize("kind", ["a.zip", "a.tar.gz"])
def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(archives, "SMALL_BYTES", 2**16)
    if kind == "a.zip":
        with zipfile.ZipFile(tmp_path / kind, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/x.png", bytes(2**21))
    else:
        write_tar(tmp_path / kind, {"a/x.png": bytes(2**21)})
    with pytest.raises(DataError, match="unpacks to"):
        read_all(tmp_path / kind)


def test_a_zip_that_understates_its_sizes_gives_no_more(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ant/x.png", bytes(2**20))
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 2**20), struct.pack("<I", 100)))
    with pytest.raises(DataError, match=r"a\.zip"):
        load_images(path)


def test_a_member_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 10)
    with pytest.raises(DataError, match="at most 10 are read"):
        read_all(write_tar(tmp_path / "a.tar", {"a/x.png": b"12345678901"}))


@pytest.mark.parametrize("kind", ["a.zip", "a.tar", "a.tar.gz"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.75])
def test_archives_cut_short_are_refused(tmp_path: Path, kind: str, share: float) -> None:
    path = write_archive(tmp_path / kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused_in_one_line(path)


def test_a_tar_cut_between_members_is_refused(tmp_path: Path) -> None:
    # tarfile takes this for the end, and says nothing
    path = write_archive(tmp_path / "a.tar")
    with tarfile.open(path) as archive:
        offset = archive.getmembers()[10].offset
    path.write_bytes(path.read_bytes()[:offset])
    refused_in_one_line(path)


def test_a_damaged_header_in_a_tar_is_refused(tmp_path: Path) -> None:
    # tarfile takes this for the end, too
    path = write_archive(tmp_path / "a.tar")
    with tarfile.open(path) as archive:
        offset = archive.getmembers()[10].offset
    content = bytearray(path.read_bytes())
    content[offset + 5] ^= 1
    path.write_bytes(content)
    refused_in_one_line(path)


@pytest.mark.parametrize("position", [0.3, 0.6])
def test_a_flipped_bit_in_a_gzipped_tar_is_refused(tmp_path: Path, position: float) -> None:
    path = write_archive(tmp_path / "a.tar.gz")
    content = bytearray(path.read_bytes())
    content[int(len(content) * position)] ^= 16
    path.write_bytes(content)
    refused_in_one_line(path)


def test_a_wrong_checksum_at_the_end_of_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    content = bytearray(gzip.compress(tar_bytes(class_folders())))
    content[-5] ^= 1
    path.write_bytes(content)
    refused_in_one_line(path)


def test_a_flipped_bit_in_a_zip_names_the_picture(tmp_path: Path) -> None:
    files = class_folders()
    path = write_zip(tmp_path / "a.zip", files)
    content = bytearray(path.read_bytes())
    content[content.index(files["bee/001.png"]) + 60] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"1 picture cannot be read: bee/001\.png"):
        load_images(path)


def write_archive(path: Path) -> Path:
    files = class_folders()
    return write_zip(path, files) if path.suffix == ".zip" else write_tar(path, files)


def refused_in_one_line(path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_images(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and ";" in message
