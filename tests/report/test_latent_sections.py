"""What the page shows of a latent space, from small real runs: an autoencoder of two latents, and a gan."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pages import Page
from PIL import Image

import papilio
from papilio.analysis.plane import shares
from papilio.analysis.store import read_analyses
from papilio.errors import DataError, RunError
from papilio.sections.samples_sections import copy_words

SHAPE = (3, 33, 50)
BLOCKED = """
import sys


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is not here")


sys.meta_path.insert(0, Blocked())
"""


def images() -> np.ndarray:
    """Gradients in color, in three directions: uint8 (90, 3, 33, 50)."""
    rng = np.random.default_rng(0)
    down, across = np.mgrid[0:1:33j, 0:1:50j]
    pictures = [[down, across, (down + across) / 2][number % 3] * rng.uniform(0.3, 1) for number in range(90)]
    colored = [np.stack([one, 0.5 * one, 1 - one]) for one in pictures]
    return (255 * np.stack(colored)).astype(np.uint8)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's folder: all that its runs can show of their latents, 7 samples."""
    folder = tmp_path_factory.mktemp("latent")
    np.save(folder / "images.npy", images())
    np.save(folder / "labels.npy", np.arange(90) % 3)
    study = {
        "title": "Two latents",
        "data": {"path": str(folder / "images.npy"), "labels": str(folder / "labels.npy")},
        "model": {"family": "autoencoder", "latents": 2, "filters": [], "dense": [16]},
        "train": {"epochs": 2, "batch_size": 16},
        "stage": [{"name": "both ways"}, {"name": "only out", "model": {"family": "gan", "latents": 12}}],
        "analysis": [
            {"kind": "reconstruction", "pictures": 7, "worst": 2},
            {"kind": "samples", "num": 7, "nearest": 5},
            {"kind": "walk", "steps": 5},
            {"kind": "morph", "steps": 5, "pairs": 2},
            {"kind": "plane"},
        ],
    }
    papilio.run_study(study, out=folder / "out", workers=1, is_silent=True)
    return folder / "out"


@pytest.fixture(scope="module")
def page(out: Path) -> Page:
    return Page((out / "report.html").read_text())


def test_each_kind_of_run_has_what_it_can_show_in_the_order_of_the_docs(page: Page) -> None:
    of = {
        name: [one.text for one in page.all("h2") if one.text.endswith(f"of {name}")] for name in ("autoencoder", "gan")
    }
    assert of["autoencoder"] == [
        f"{what} of autoencoder" for what in ("Reconstructions", "Samples", "Walks", "Morphs", "The plane")
    ]
    assert of["gan"] == [f"{what} of gan" for what in ("Samples", "Walks", "Morphs")]


def test_what_is_said_is_what_was_measured(out: Path, page: Page) -> None:
    stored = {one.header.analysis: one.arrays for one in read_analyses(out) if "both-ways" in one.path.stem}
    errors = stored["reconstruction"]["errors"]
    assert len(errors) == 18
    assert f"on a scale from 0 to 1: {errors.mean(dtype=np.float64):.5f} over 18 test images" in page.text
    assert "The largest errors of 18 test images" in page.text
    assert "This kind of run has no prior: latents are drawn from a normal distribution" in page.text
    assert "run.sample(7, seed=0): decoded draws from the prior" in page.text
    assert f"{stored['samples']['distances'].min():.2f} at least" in page.text
    assert "The one that changes the picture most comes first." in page.text
    assert "Shown are the 8 of 12 coordinates that change the picture most" in page.text
    assert "What 12 × 12 places of the plane decode to" in page.text and "Where 18 test images lie" in page.text


def test_pictures_move_only_where_readers_want_it(out: Path, page: Page) -> None:
    moving = [one for one in page.all("img") if "picture" in one.inside]
    sources = page.all("source")
    assert len(moving) == len(sources) == 2 + 2 + 8 + 2 + 1  # walks and morphs of two runs, and how one of them learned
    for image, source in zip(moving, sources, strict=True):
        assert "prefers-reduced-motion: reduce" in (source.attributes["media"] or "")
        assert (source.attributes["srcset"] or "").startswith("data:image/webp;base64,")
        assert image.attributes["alt"] and image.attributes["src"] != source.attributes["srcset"]
    names = re.findall(r"figures/(\S+-moving)\.webp and \.gif", page.text)
    assert len(names) == 4
    assert all((out / "figures" / f"{name}.{kind}").exists() for name in names for kind in ("webp", "gif"))


def test_a_run_by_itself_gives_the_pictures_of_the_page(out: Path, tmp_path: Path) -> None:
    (gan_folder,), (folder,) = (list((out / "runs").glob(f"{stage}-*")) for stage in ("only-out", "both-ways"))
    gan, run = papilio.load_run(gan_folder), papilio.load_run(folder)
    (samples,) = [one.arrays for one in read_analyses(out) if one.path.stem == f"samples-{gan_folder.name}"]
    assert np.array_equal(gan.sample(7, seed=0), samples["samples"])
    with pytest.raises(RunError, match="its kind, gan, offers decode, sample, not encode"):
        papilio.morph(gan, images()[0], images()[1])
    ends = images()[:2]
    between = papilio.morph(folder, *ends, steps=4)
    assert between.shape == (4, *SHAPE)
    assert np.array_equal(between[[0, 3]], run.decode(run.encode(ends)))
    with pytest.raises(DataError, match="got 2 pictures in place of one"):
        papilio.morph(run, ends, ends[1])
    with pytest.raises(DataError, match="cannot be opened"):
        papilio.morph(run, tmp_path / "none.png", ends[1])


def test_the_report_is_made_again_without_torch(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "out", ignore=shutil.ignore_patterns("figures", "report.html", "weights*"))
    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-m", "papilio", "report", "out"],
        capture_output=True, text=True, timeout=120, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sections = [
        re.findall(r'id="analysis-[^"]*"', (one / "report.html").read_text()) for one in (out, tmp_path / "out")
    ]
    assert sections[0] == sections[1] and len(sections[0]) == 16  # sections and their titles
    figures = [sorted(file.name for file in (one / "figures").iterdir()) for one in (out, tmp_path / "out")]
    assert figures[0] == figures[1]


def test_what_is_said_of_copies() -> None:
    arrays = {
        "distances": np.array([0.5, 0.9, 4.0]), "usual": np.arange(2.0, 12), "limit": np.array(1.0),
        "looks_copied": np.array([True, False, False]), "num_train": np.array(60_000),
    }  # fmt: skip
    said = copy_words(arrays)
    assert (
        "nearest of 60,000 training images" in said and "is 0.50 at least and 0.90 in the median of 3 samples" in said
    )
    assert (
        "2 samples are nearer than that." in said
        and "1 sample is suspiciously close to one training image (closer" in said
    )
    assert copy_words(arrays | {"looks_copied": np.zeros(3, bool)}).endswith(
        "No sample looks like a copy of a training image."
    )
    assert "Blurred" not in copy_words(arrays | {"limit": np.array(0.1)})


def test_the_plane_can_be_moved_over_with_numbers_that_are_the_analysis_own(out: Path) -> None:
    (stored,) = [one for one in read_analyses(out) if one.header.analysis == "plane"]
    content = (out / "report.html").read_text()
    (facts,) = [json.loads(html.unescape(found)) for found in re.findall(r'data-facts="([^"]*)"', content)]
    arrays = stored.arrays
    assert facts["side"] == len(arrays["plane"])
    np.testing.assert_allclose(np.array(facts["places"]) / facts["steps"], arrays["places"], atol=1e-3)
    assert facts["labels"] == arrays["labels"].tolist()
    np.testing.assert_allclose(
        np.interp(arrays["tick_places"][0], shares(facts["side"]), facts["values"][0]), arrays["ticks"][0], atol=0.15
    )
    (sprite,) = re.findall(r'<div class="plane-map".*?src="(data:image/webp;base64,[^"]*)"', content, re.DOTALL)
    assert len(sprite) < 1_000_000
    picture = Image.open(io.BytesIO(base64.b64decode(sprite.partition(",")[2])))
    _, _, _, height, width = arrays["plane"].shape
    assert picture.size == (facts["side"] * width, facts["side"] * height)
    one = np.asarray(picture.convert("L"))[:height, width : 2 * width].astype(int)
    assert np.abs(one - arrays["plane"][0, 1, 0]).mean() < 8


def test_every_script_of_the_page_is_one_that_its_policy_names(out: Path) -> None:
    content = (out / "report.html").read_text()
    scripts = re.findall(r"<script>(.*?)</script>", content, re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"&#39;sha256-{digest}&#39;" in content or f"'sha256-{digest}'" in content
