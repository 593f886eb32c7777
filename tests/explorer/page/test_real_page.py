"""The page with its real server, over small runs that were trained: what a user does first."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import KEPT, POINTER, at, drop, keep, pixels, settled
from PIL import Image

from browser import served
from explorer.conftest import quietly, run_of
from papilio.explorer.scene import Scene
from papilio.explorer.server import Shown, make_app
from papilio.workbench import run_study

TOKEN = "a-token"
ODD = "share/of #1 (100%?)"  # the name of a factor


@pytest.fixture(scope="module")
def scenes(threads: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Scene]]:
    """A VAE with a picture of the user's own and an oddly named factor, an autoencoder and a GAN.

    They have learned so much that their pictures differ.
    """
    small = {"filters": [], "dense": [64], "latents": 4}
    trials = [
        {"name": "VAE", "model": {"family": "vae", **small}},
        {"name": "autoencoder", "model": {"family": "autoencoder", **small}},
        {"name": "GAN", "model": {"family": "gan", "latents": 6}},
    ]
    study = {
        "title": "Generators",
        "data": {"name": "mnist-5k", "fraction": 0.1},
        "model": {"family": "vae", **small},
        "train": {"batch_size": 32, "epochs": 12, "learning_rate": 0.005},
        "stage": [{"name": "generators", "trial": trials}],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAPILIO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.setattr("papilio.workbench._write_report", lambda results, **given: results.folder)
        patch.setattr("papilio.workbench.analyse", lambda *given, **more: [])
        folder = run_study(study, out=tmp_path_factory.mktemp("real") / "generators", is_silent=True).folder
        mine = tmp_path_factory.mktemp("mine") / "mine.png"
        Image.new("L", (28, 28), 90).save(mine)
        found = [Scene(run_of(folder, "vae"), pictures=[mine])]
        found += [Scene(run_of(folder, name)) for name in ("autoencoder", "gan")]
        for scene in found:
            scene.prepare(quietly)
        cloud = found[0].cloud
        shares = np.linspace(3, 4, len(cloud), dtype=np.float32)
        vars(found[0])["cloud"] = replace(cloud, values={**cloud.values, ODD: shares})
        yield found


@pytest.fixture(scope="module")
def real(scenes: list[Scene]) -> Iterator[str]:
    """The page's address."""
    shown = Shown(scenes, missing=["not shown: latents-vae-2: its weights are damaged"])
    with served(make_app(shown, title="Generators", token=TOKEN, hosts=None)) as address:
        yield f"{address}?token={TOKEN}"


def test_the_decoder_follows_a_click_keeps_and_sliders_change(opened_at: Any, real: str, scenes: list[Scene]) -> None:
    page, vae = opened_at(real), scenes[0]
    page.get_by_text("latents-vae-2: its weights are damaged").wait_for()
    page.mouse.move(*at(page, 0.5, 0.5))
    middle = settled(page, f"{POINTER} .frame canvas")
    positions, plane = vae.make_map("latents", "pca", quietly).positions, vae.array("pca/latents")
    place = (positions.min(axis=0) + positions.max(axis=0)) / 2
    wanted = vae.decode((plane[0] + place @ plane[1:])[None].astype(np.float32))
    assert np.abs(middle - wanted.reshape(-1).astype(int)).max() <= 3
    page.mouse.move(*at(page, 0.1, 0.1))
    settled(page, f"{POINTER} .frame canvas", middle)
    keep(page)
    numbers = page.locator("#panel .numbers span").all_inner_texts()
    assert len(numbers) == 4
    near = page.get_by_role("list", name="Nearest images").locator("small")
    near.nth(7).wait_for()
    distances = [float(text.split("\n")[-1]) for text in near.all_inner_texts()]
    assert len(distances) == 8
    assert distances == sorted(distances)
    page.locator("#panel .bars li").nth(2).wait_for()  # what the classifier says
    kept = pixels(page, f"{KEPT} .frame canvas")
    page.get_by_role("tab", name="Coordinates").click()
    page.get_by_role("slider").first.fill("2.5")
    settled(page, f"{KEPT} .frame canvas", kept)


def test_own_pictures_are_named_encoded_morphed_and_saved(
    opened_at: Any, real: str, scenes: list[Scene], tmp_path: Path
) -> None:
    page = opened_at(real)
    legend = page.locator(".legend")
    legend.get_by_text("your pictures").wait_for()
    assert "unknown" not in legend.inner_text()
    assert page.locator("#map .own-mark").count() == 1
    files = []
    for pixels_of_one in scenes[0].pictures(np.array([3, 40]))[:, 0]:
        file = io.BytesIO()
        Image.fromarray(pixels_of_one).save(file, "PNG")
        files.append(file.getvalue())
    drop(page, ("a.png", files[0]))
    page.locator(KEPT).get_by_text("a.png").wait_for()
    page.locator("#map .kept-mark").wait_for()
    assert page.locator("#panel .numbers span").count() == 4
    drop(page, ("a.png", files[0]), ("b.png", files[1]))
    page.locator(".end-picture").get_by_text("b.png").wait_for()
    settled(page, ".middle canvas")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => Number(document.getElementById('share').value) > 0")
    page.get_by_role("button", name="Stop").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save GIF").click()
    download.value.save_as(tmp_path / "morph.gif")
    with Image.open(tmp_path / "morph.gif") as saved:
        assert saved.n_frames == 64


def test_runs_stand_side_by_side_and_a_factor_may_have_any_name(opened_at: Any, real: str) -> None:
    page = opened_at(real)
    keep(page)
    page.get_by_role("tab", name="Runs").click()
    page.get_by_text("no encoder").wait_for()  # the GAN
    vae, autoencoder = (settled(page, f".runs li:nth-of-type({n}) canvas") for n in (1, 2))
    assert (vae != autoencoder).any()
    page.get_by_role("button", name="Same sliders").click()
    gan = settled(page, ".runs li:nth-of-type(3) canvas")
    page.get_by_role("slider", name="Coordinate 0 of every run").fill("3")
    settled(page, ".runs li:nth-of-type(3) canvas", gan)
    page.locator("#color").select_option(ODD)
    page.locator(".legend .scale").wait_for()
    assert "3.01" in page.locator(".legend").inner_text()
