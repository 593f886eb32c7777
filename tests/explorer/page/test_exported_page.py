"""Pages that `papilio explore --export` wrote of runs that were trained, opened from a file without a network."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import KEPT, POINTER, at, drop, keep, pixels, settled
from PIL import Image

from explorer.conftest import quietly, run_of
from papilio.data.quantities import CLOCK
from papilio.explorer.export import export_page
from papilio.explorer.scene import Scene


def picture_file(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def opened_file(opened_at: Any, tmp_path: Path) -> Any:
    """Exports a run, and opens the file with the network off; the page, and the run's scene."""

    def open_file(run: Path) -> tuple[Any, Scene]:
        path, _ = export_page(run, tmp_path / "page.html", progress=quietly)
        scene = Scene(run)
        scene.prepare(quietly)
        return opened_at(path.as_uri(), offline=True), scene

    return open_file


def test_a_file_with_decoder_and_encoder_does_what_the_server_s_page_does(
    opened_file: Any, generators: Path, tmp_path: Path
) -> None:
    page, vae = opened_file(run_of(generators, "vae"))
    page.mouse.move(*at(page, 0.5, 0.5))
    middle = settled(page, f"{POINTER} .frame canvas")
    positions, plane = vae.make_map("latents", "pca", quietly).positions, vae.array("pca/latents")
    place = (positions.min(axis=0) + positions.max(axis=0)) / 2
    wanted = vae.decode((plane[0] + place @ plane[1:])[None].astype(np.float32))
    assert np.abs(middle - wanted.reshape(-1).astype(int)).max() <= 3
    keep(page)
    page.locator("#panel .bars li").nth(2).wait_for()  # what the classifier says
    page.get_by_role("list", name="Nearest images").locator("li").nth(7).wait_for()
    page.get_by_role("button", name="Morph: use as A").click()
    kept = pixels(page, f"{KEPT} .frame canvas")
    page.get_by_role("tab", name="Coordinates").click()
    page.get_by_role("slider").first.fill("2.5")
    settled(page, f"{KEPT} .frame canvas", kept)
    image = vae.pictures(np.array([3]))[0, 0]
    drop(page, ("mine.png", picture_file(image)))
    page.locator(KEPT).get_by_text("mine.png").wait_for()
    page.locator("#map .kept-mark").wait_for()
    numbers = [float(text.replace("\u2212", "-")) for text in page.locator("#panel .numbers span").all_inner_texts()]
    np.testing.assert_allclose(numbers, vae.array("latents")[3], atol=0.02)
    page.get_by_role("button", name="Morph: use as B").click()
    page.get_by_role("tab", name="Morph").click()
    settled(page, ".middle canvas")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save GIF").click()
    download.value.save_as(tmp_path / "morph.gif")
    with Image.open(tmp_path / "morph.gif") as saved:
        assert getattr(saved, "n_frames", 1) == 64


def test_a_file_of_a_classifier_classifies_pictures(opened_file: Any, classifier: Path) -> None:
    (run,) = (classifier / "runs").iterdir()
    page, scene = opened_file(run)
    keep(page)
    page.locator("#panel").get_by_text("What the run sees").wait_for()
    page.get_by_role("tab", name="Mistakes").click()
    page.locator("#panel .thumb").first.wait_for()
    images = scene.pictures(np.array([5]))
    drop(page, ("mine.png", picture_file(images[0, 0])))
    page.locator(KEPT).get_by_text("mine.png").wait_for()
    (shares,) = scene.classify(images)
    page.locator("#panel .bars li").nth(2).wait_for()
    first = page.locator("#panel .bars li").first.inner_text().split()
    assert first[0] == scene.facts.class_names[shares.argmax()]
    assert abs(float(first[-1].strip("<>%")) - 100 * shares.max()) < 1


def test_a_file_says_where_light_and_dark_are_swapped_and_crops_what_is_wide(
    opened_file: Any, classifier: Path
) -> None:
    (run,) = (classifier / "runs").iterdir()
    page, scene = opened_file(run)
    (image,) = scene.pictures(np.array([5]))[0]
    drop(page, ("negative.png", picture_file(255 - image)))
    swapped = "with a dark border, but this picture has a light one; swap light and dark in the file"
    page.locator("#panel").get_by_text(swapped).wait_for()
    wide = np.hstack([np.zeros((28, 10), np.uint8), image, np.zeros((28, 10), np.uint8)])
    drop(page, ("wide.png", picture_file(wide)))
    page.locator(KEPT).get_by_text("wide.png").wait_for()
    page.locator("#panel").get_by_text("Resized by this page").wait_for()
    assert page.locator("#panel").get_by_text(swapped).count() == 0
    np.testing.assert_array_equal(pixels(page, f"{KEPT} .frame canvas").reshape(28, 28, -1)[..., 0], image)


def test_a_file_of_a_clock_reader_reads_times(opened_file: Any, reader: Path) -> None:
    (run,) = (reader / "runs").iterdir()
    page, scene = opened_file(run)
    (image,) = scene.pictures(np.array([3]))
    drop(page, ("clock.png", picture_file(image[0])))
    page.locator(KEPT).get_by_text("clock.png").wait_for()
    (value,), _ = scene.run.read(image[None])
    page.locator("#panel").get_by_text(CLOCK.words(value)).first.wait_for()
