"""Drawn kanji: legible as the character that their label says, different each time, the same for the same seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from papilio.data.catalogue import list_sets
from papilio.data.load import load_images
from papilio.data.rendering import fonts
from papilio.data.rendering.brush import BrushRenderer, sample
from papilio.data.rendering.fonts import HOW, PACKAGES, brush_fonts, has_brush_fonts
from papilio.data.rendering.kanji import KANJI
from papilio.data.rendering.renderers import settings_of
from papilio.data.rendering.sets import render_set
from papilio.errors import DataError, SettingError

needs_font = pytest.mark.skipif(not has_brush_fonts(), reason=f"no brush font is installed; {HOW}")


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A system that keeps no fonts; the folder in which commands are looked for."""
    monkeypatch.setattr(fonts, "FOLDERS", (str(tmp_path / "fonts"),))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    fonts._listed.cache_clear()
    yield tmp_path / "bin"
    fonts._listed.cache_clear()


def test_a_system_without_brush_fonts_is_told_what_to_install(no_fonts: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none is installed; install Debian's package fonts-kouzan-mouhitsu") as caught:
        load_images("brush-kanji", render={"num": 4})
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="fonts-kouzan-mouhitsu"):
        render_set("brush-kanji", tmp_path / "out", settings_of("brush-kanji", {"num": 4}))
    assert not (tmp_path / "out").exists()
    (info,) = (one for one in list_sets() if one.name == "brush-kanji")
    assert info.where == "needs a font: fonts-kouzan-mouhitsu" and "stand-in for Kuzushiji-Kanji" in info.title


def test_the_command_says_so_in_one_line(tmp_path: Path) -> None:
    code = (
        "from papilio.data.rendering import fonts; fonts.FOLDERS = (); from papilio.cli import main;"
        f"import sys; sys.argv = ['papilio', 'data', 'render', 'brush-kanji', '--out', {str(tmp_path / 'out')!r}]; main()"
    )
    environment = os.environ | {"PATH": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert told.returncode == 2 and told.stdout == ""
    assert told.stderr.strip() == f"papilio: brush-kanji is drawn with a brush font, and none is installed; {HOW}"


def test_fonts_in_other_folders_are_found_by_fontconfig(no_fonts: Path, tmp_path: Path) -> None:
    (_, aoyagi) = PACKAGES
    file = tmp_path / "elsewhere" / "brush.ttf"
    (no_fonts / "fc-list").write_text(f"#!/bin/sh\nprintf '{aoyagi.fonts[0][1]},青柳\\t{file}\\n'\n")
    (no_fonts / "fc-list").chmod(0o755)
    assert not has_brush_fonts()  # fontconfig may know a file that has been removed
    file.parent.mkdir()
    file.write_bytes(b"")
    assert brush_fonts() == (file,)


def test_a_package_is_taken_as_a_whole(no_fonts: Path, tmp_path: Path) -> None:
    kouzan, aoyagi = PACKAGES
    (tmp_path / "fonts").mkdir()
    names = [name for package in (aoyagi, kouzan) for name, _ in package.fonts]
    for number, name in enumerate(names):
        has_aoyagi = number >= len(aoyagi.fonts)
        assert has_brush_fonts() is has_aoyagi
        assert not has_aoyagi or [path.name for path in brush_fonts()] == [one for one, _ in aoyagi.fonts]
        (tmp_path / "fonts" / name).write_bytes(b"")
    assert [path.name for path in brush_fonts()] == [name for name, _ in kouzan.fonts]


def test_each_character_is_once_in_the_list() -> None:
    assert len(set(KANJI)) == len(KANJI) == 440
    assert all(0x4E00 <= ord(one) <= 0x9FFF for one in KANJI)


def test_pixels_between_pixels() -> None:
    picture = np.array([[0.0, 1.0], [2.0, 3.0]])
    rows, columns = np.array([0.0, 0.5, 0.25, 9.0]), np.array([0.0, 0.5, 0.75, -1.0])
    np.testing.assert_allclose(sample(picture, rows, columns), [0, 1.5, 1.25, 2], atol=0.01)


@needs_font
def test_the_same_seed_draws_the_same() -> None:
    settings = settings_of("brush-kanji", {})
    assert (settings.num, settings.size, settings.color) == (22_000, 64, "grey")
    values = BrushRenderer.shown(settings)
    assert np.array_equal(values, BrushRenderer.shown(settings))
    assert np.bincount(values).tolist() == [50] * len(KANJI)
    assert len(set(values[:50].tolist())) > 40
    one, again = (BrushRenderer().draw(3, 7) for _ in range(2))
    assert one.dtype == np.uint8 and one.shape == (64, 64) and np.array_equal(one, again)
    others = [BrushRenderer(seed=1).draw(3, 7), BrushRenderer().draw(4, 7), BrushRenderer().draw(3, 8)]
    assert all(not np.array_equal(one, other) for other in others)
    assert np.array_equal(BrushRenderer(color="rgb", size=32).draw(3, 7)[..., 2], BrushRenderer(size=32).draw(3, 7))


@needs_font
def test_ink_is_light_on_dark_and_on_paper_dark_on_light() -> None:
    for number in range(20):
        plain, paper = (BrushRenderer(variety).draw(number, 23 * number) for variety in ("plain", "paper"))
        assert np.abs(255 - plain.astype(int) - paper).max() <= 1
        assert np.median(plain) < 90 and plain.max() > 130
        # ink covers a part of the page, and hardly reaches its corners
        assert 0.02 < (plain > 110).mean() < 0.5
        assert np.median(plain[:6, :6]) < 110


@needs_font
def test_a_picture_looks_like_its_character_more_than_like_others() -> None:
    """By correlation with blurred glyphs: not what a reader sees, but no chance either, which would be 5 hits."""
    font = ImageFont.truetype(str(brush_fonts()[-1]), 48)
    glyphs = []
    for character in KANJI[:40]:
        picture = Image.new("L", (64, 64))
        ImageDraw.Draw(picture).text((32, 32), character, font=font, fill=255, anchor="mm")
        glyphs.append(blurred(np.asarray(picture)))
    renderer = BrushRenderer()
    hits = sum(
        int(np.argmax(glyphs @ blurred(renderer.draw(number, number % 40)))) == number % 40 for number in range(200)
    )
    assert hits > 50


def blurred(picture: np.ndarray) -> np.ndarray:
    values = picture.astype(float).reshape(16, 4, 16, 4).mean(axis=(1, 3)).ravel()
    return (values - values.mean()) / values.std()


@needs_font
def test_the_set_is_loaded_by_name(tmp_path: Path) -> None:
    images = load_images("brush-kanji", render={"num": 880, "size": 32})
    assert images.name == "brush-kanji" and images.class_names == KANJI and images.factors is None
    assert np.bincount(images.labels).tolist() == [2] * 440
    assert "stand-in for Kuzushiji-Kanji" in images.notes[0]
    assert brush_fonts()[0].name in images.origin
    drawn = BrushRenderer(size=32).draw(5, int(images.labels[5]))
    assert np.array_equal(images.images[5, 0], drawn)
    assert load_images("brush-kanji", render={"num": 880, "size": 32}, color="rgb").image_shape == (3, 32, 32)
    with pytest.raises(SettingError, match="variety = wild: allowed are plain, paper"):
        load_images("brush-kanji", render={"variety": "wild"})


@needs_font
def test_other_fonts_are_another_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if len(brush_fonts()) == 1:
        pytest.skip("the package that is installed has one font")
    out = tmp_path / "out"
    sheet = render_set("brush-kanji", out, settings_of("brush-kanji", {"num": 8, "size": 32}))
    facts = json.loads((out / "rendered.json").read_text())
    assert set(facts["made_from"]) == {path.name for path in brush_fonts()}
    assert sheet.is_file() and np.load(out / "labels.npy").shape == (8,)
    before = load_images("brush-kanji", render={"num": 8, "size": 32}, test=0)
    monkeypatch.setattr("papilio.data.rendering.brush.brush_fonts", lambda: brush_fonts()[:1])
    after = load_images("brush-kanji", render={"num": 8, "size": 32}, test=0)
    assert len(list((tmp_path / "cache" / "rendered").iterdir())) == 2
    assert before.checksum != after.checksum
