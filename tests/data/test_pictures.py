"""One picture at a time: colors, depths, orientation, transparency, limits."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papilio.data.pictures import read_picture, resolve_size
from papilio.data.scaling import convert_images
from papilio.errors import DataError, SettingError

SHAPE = (3, 8, 8)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def gradient(height: int, width: int) -> Image.Image:
    """Dark on the left, bright on the right, red on top, blue below."""
    values = np.zeros((height, width, 3), dtype=np.uint8)
    values[..., 1] = np.linspace(0, 255, width)
    values[: height // 2, :, 0] = 255
    values[height // 2 :, :, 2] = 255
    return Image.fromarray(values)


def test_a_picture_of_the_right_size_keeps_its_pixels(tmp_path: Path) -> None:
    image = gradient(8, 8)
    values = read_picture(save(tmp_path / "a.png", image), shape=SHAPE)
    assert np.array_equal(values, np.asarray(image).transpose(2, 0, 1))


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = save(tmp_path / "turned.png", gradient(8, 8).rotate(90), exif=exif)
    assert np.array_equal(read_picture(turned, shape=SHAPE), np.asarray(gradient(8, 8)).transpose(2, 0, 1))


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    image.paste((0, 0, 0, 128), (0, 0, 4, 8))
    values = read_picture(save(tmp_path / "a.png", image), shape=SHAPE)
    assert np.all(values[:, :, 4:] == 255)
    assert np.all(np.abs(values[:, :, :4].astype(int) - 127) <= 1)


def test_a_transparent_palette_is_laid_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.paste(0, (0, 0, 4, 8))
    values = read_picture(save(tmp_path / "a.gif", image, transparency=0), shape=SHAPE)
    assert np.all(values[:, :, :4] == 255)
    assert values[:, 0, 7].tolist() == [10, 20, 30]


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_become_eight(tmp_path: Path, suffix: str) -> None:
    values = (np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).astype(np.uint16)
    read = read_picture(save(tmp_path / f"a.{suffix}", Image.fromarray(values)), shape=(1, 8, 8))
    assert np.array_equal(read[0], np.round(values / 257).astype(np.uint8))


def test_floats_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", Image.fromarray(np.zeros((8, 8), dtype=np.float32)))
    with pytest.raises(DataError, match="32 bits"):
        read_picture(path, shape=SHAPE)


@pytest.mark.parametrize("mode", ["1", "L", "CMYK", "YCbCr", "RGB"])
def test_every_mode_becomes_grey_or_rgb(tmp_path: Path, mode: str) -> None:
    path = save(tmp_path / "a.tif", Image.new(mode, (8, 8)))
    assert read_picture(path, shape=SHAPE).shape == SHAPE
    assert read_picture(path, shape=(1, 8, 8)).shape == (1, 8, 8)


def test_the_center_is_kept(tmp_path: Path) -> None:
    image = Image.new("L", (24, 8), 0)
    image.paste(200, (8, 0, 16, 8))
    assert np.all(read_picture(save(tmp_path / "a.png", image), shape=(1, 8, 8)) == 200)


def test_shrinking_is_antialiased(tmp_path: Path) -> None:
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (64, 32))
    values = read_picture(save(tmp_path / "a.png", Image.fromarray(stripes)), shape=(1, 8, 8))
    assert np.all(np.abs(values.astype(int) - 127) < 30)


def test_large_jpegs_shrink_to_about_the_same(tmp_path: Path) -> None:
    image = gradient(640, 640)
    path = save(tmp_path / "a.jpg", image, quality=95)
    whole = np.asarray(image.resize((16, 16), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
    assert np.abs(read_picture(path, shape=(3, 16, 16)).astype(int) - whole).mean() < 3


def test_too_many_pixels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "bomb.png", Image.new("L", (40, 40)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(
        DataError,
        match=r"bomb\.png.*40 wide and 40 high, 1,600 pixels, of which at most 1,000 are decoded\); make it smaller$",
    ):
        read_picture(path, shape=SHAPE)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match=r"more than 200 pixels\); make it smaller$"):
        read_picture(path, shape=SHAPE)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + bytes(20), b"\xff\xd8\xff\xe0"])
def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.png: not a readable picture") as caught:
        read_picture(tmp_path / "a.png", shape=SHAPE)
    assert "\n" not in str(caught.value) and "0x" not in str(caught.value)
    assert str(caught.value).endswith(
        ("supported formats: PNG, JPEG, BMP, GIF, TIFF, WEBP, PPM", "incomplete: replace it")
    )


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tif", "webp"])
def test_a_picture_cut_short_is_refused(tmp_path: Path, suffix: str) -> None:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix))
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(DataError, match=path.name) as caught:
        read_picture(path, shape=SHAPE)
    assert "supported formats" not in str(caught.value)


def test_a_missing_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_picture(tmp_path / "none.png", shape=SHAPE)


def test_shapes_of_two_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 or 3 channels"):
        read_picture(save(tmp_path / "a.png", gradient(8, 8)), shape=(2, 8, 8))


@pytest.mark.parametrize("size", [0, -1, 5000, (8,), (8, 0), (8, 8, 8), 1.5])
def test_sizes_out_of_range_are_refused(size: object) -> None:
    with pytest.raises(SettingError, match="size = "):
        resolve_size(size)  # type: ignore[arg-type]


def test_arrays_get_the_conversions_of_pictures(tmp_path: Path) -> None:
    image = gradient(20, 30)
    path = save(tmp_path / "a.png", image)
    converted = convert_images(np.asarray(image).transpose(2, 0, 1)[None], size=(8, 8), color="grey")
    assert np.array_equal(converted[0], read_picture(path, shape=(1, 8, 8)))


def test_grey_to_rgb_repeats_the_channel() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 4, 4), dtype=np.uint8)
    assert np.array_equal(convert_images(images, size=None, color="rgb"), np.repeat(images, 3, axis=1))
