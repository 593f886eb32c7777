"""Pictures and arrays of 16 bits that hold fewer: told of, and stretched where asked."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papilio import load_images
from papilio.data.check import check_images
from papilio.data.decoding import eight_bits
from papilio.data.pictures import read_picture
from papilio.errors import DataError, SettingError


def write_pictures(folder: Path, values: np.ndarray, *, suffix: str = ".png") -> Path:
    """Two classes of uint16 pictures (num, rows, columns)."""
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
    for index, one in enumerate(values):
        Image.fromarray(one).save(folder / "ab"[index % 2] / f"{index}{suffix}")
    return folder


def twelve_bits(num: int = 12) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4096, (num, 6, 6)).astype(np.uint16)


@pytest.mark.parametrize("bits", range(1, 17))
def test_levels_are_the_nearest_ones(bits: int) -> None:
    values = np.arange(2**bits)
    assert np.abs(eight_bits(bits) - values * 255 / (2**bits - 1)).max() <= 0.5
    assert eight_bits(bits)[0] == 0 and eight_bits(bits)[-1] == 255


def deep_png(path: Path, values: np.ndarray) -> Path:
    """A PNG of 16 bits per channel, uint16 (rows, columns, 3), which Pillow does not write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    rows, columns, _ = values.shape
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", columns, rows, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def test_bits_of_pictures_in_color_are_refused(tmp_path: Path) -> None:
    """Of their 16 bits the upper 8 are read: with `bits` they stayed dark, without a word."""
    path = deep_png(tmp_path / "a.png", np.full((6, 6, 3), 0x8000, np.uint16))
    assert np.all(read_picture(path, shape=(3, 6, 6)) == 0x80)
    with pytest.raises(DataError, match=r"a\.png.*the upper 8 are read, to which bits cannot be applied"):
        read_picture(path, shape=(3, 6, 6), bits=12)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.bool_])
def test_bits_of_anything_but_longer_integers_are_refused(dtype: type) -> None:
    """They had no effect."""
    with pytest.raises(DataError, match="bits is for integers of more than 8 bits; leave it out"):
        load_images(np.zeros((4, 6, 6), dtype), np.array([0, 1, 0, 1]), bits=4)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_pictures_that_use_twelve_bits_are_told_of_and_stretched(tmp_path: Path, suffix: str) -> None:
    values = twelve_bits()
    folder = write_pictures(tmp_path / "set", values, suffix=suffix)
    dark = load_images(folder)
    assert any("set bits = 12" in note for note in dark.notes)
    bright = load_images(folder, bits=12)
    assert bright.notes == ()
    assert dark.images.max() <= 16 and bright.images.max() > 250
    names = sorted(folder.rglob(f"*{suffix}"))
    assert np.array_equal(bright.images[0, 0], eight_bits(12)[np.asarray(Image.open(names[0]))])


def test_pictures_that_use_all_bits_have_no_note(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "set", twelve_bits() * 16)
    assert load_images(folder).notes == ()


def test_a_value_beyond_the_bits_is_refused_with_those_that_are_enough(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "set", twelve_bits() * 4)
    with pytest.raises(DataError, match=r"above 4,095: set bits = 14"):
        load_images(folder, bits=12)


def test_the_check_tells_of_unused_bits(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "set", twelve_bits())
    (finding,) = [finding for finding in check_images(folder) if finding.kind == "range"]
    assert finding.severity == "warning" and "bits = 12" in finding.message
    assert not [finding for finding in check_images(folder, bits=12) if finding.kind == "range"]


def test_a_table_of_pictures_has_the_note_too(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "set", twelve_bits())
    rows = [f"{path.relative_to(folder)},{path.parent.name}" for path in sorted(folder.rglob("*.png"))]
    (folder / "labels.csv").write_text("\n".join(rows))
    assert "bits = 12" in load_images(folder, folder / "labels.csv").notes[0]
    assert load_images(folder, folder / "labels.csv", bits=12).images.max() > 250


def test_arrays_of_twelve_bits(tmp_path: Path) -> None:
    values = twelve_bits()
    np.save(tmp_path / "images.npy", values)
    with pytest.raises(DataError, match="set bits = 12"):
        load_images(tmp_path / "images.npy")
    for given in (tmp_path / "images.npy", values):
        assert np.array_equal(load_images(given, bits=12).images[:, 0], eight_bits(12)[values])
    np.savez(tmp_path / "set.npz", x_train=values[:8], y_train=np.arange(8) % 2, x_test=values[8:], y_test=[0, 1, 0, 1])
    assert np.array_equal(load_images(tmp_path / "set.npz", bits=12).images[:, 0], eight_bits(12)[values])
    with pytest.raises(DataError, match="expected 0 to 255 for bits = 8"):
        load_images(values, bits=8)


def test_bits_go_with_pictures_and_arrays_only() -> None:
    with pytest.raises(DataError, match="leave it out"):
        load_images("digits", bits=12)
    with pytest.raises(SettingError, match="from 1 to 16"):
        load_images(twelve_bits(), bits=17)


ASCII, BYTE, UNDEFINED = 2, 1, 7  # types of EXIF, where an orientation is a SHORT


@pytest.mark.parametrize(
    ("kind", "value"), [(ASCII, b"6\0"), (ASCII, b"6"), (BYTE, b"\6"), (UNDEFINED, b"6"), (UNDEFINED, b"\6")]
)
def test_an_orientation_stored_as_text_or_bytes_is_honored(tmp_path: Path, kind: int, value: bytes) -> None:
    picture = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    entry = struct.pack("<HHI4s", 0x0112, kind, len(value), value)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    picture.rotate(90).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "turned.png", shape=(1, 8, 8))[0], np.asarray(picture))
