"""The page as one file: what it holds is what the run has, and nothing is written over."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from explorer.conftest import quietly, run_of
from papilio.errors import SettingError
from papilio.explorer import export
from papilio.explorer.export import export_page
from papilio.explorer.scene import Scene
from papilio.runs.run import load_run


def elements(path: Path) -> dict[str, Any]:
    """What an exported page carries, by name: arrays, facts, bytes."""
    found: dict[str, Any] = {}
    for attributes, text in re.findall(r'<script type="text/plain" ([^>]*)>([^<]*)</script>', path.read_text()):
        given = {name: html.unescape(value) for name, value in re.findall(r'data-(\w+)="([^"]*)"', attributes)}
        content = gzip.decompress(base64.b64decode(text))
        name, dtype = given["name"], given["dtype"]
        if dtype == "json":
            found[name] = json.loads(content)
        elif "shape" in given:
            found[name] = np.frombuffer(content, dtype).reshape([int(one) for one in given["shape"].split(",")])
        else:
            found[name] = content
        for more in ("trust", "grid"):
            if more in given:
                found[f"{name} {more}"] = json.loads(given[more])
    return found


def test_a_file_has_the_points_their_images_the_map_and_the_decoder(generators: Path, tmp_path: Path) -> None:
    folder = run_of(generators, "vae")
    path, words = export_page(folder, tmp_path / "page.html", progress=quietly)
    found, scene = elements(path), Scene(folder)
    num = len(scene.cloud)
    np.testing.assert_array_equal(found["runs/0/arrays/latents"], scene.array("latents"))
    np.testing.assert_array_equal(found["runs/0/images"][7].transpose(2, 0, 1), scene.pictures(np.array([7]))[0])
    made = scene.make_map("latents", "pca", quietly)
    np.testing.assert_array_equal(found["runs/0/maps/latents/pca"], made.positions)
    assert found["runs/0/maps/latents/pca trust"]["kept"] == made.trust.kept
    about = found["about"]["runs"][0]
    assert about["num"] == num
    assert about["can"] == ["decode", "encode"]
    assert "pca" in [one["id"] for one in about["methods"]]
    assert about["judge"] == "mnist-features"
    session = onnxruntime.InferenceSession(found["runs/0/decoder"], providers=["CPUExecutionProvider"])
    (images,) = session.run(None, {"latents": scene.array("latents")[:5]})
    expected = load_run(folder).decode(scene.array("latents")[:5])[:, 0]
    np.testing.assert_allclose(np.asarray(images) * 255, expected, atol=1)
    assert f"{num:,} images" in words
    assert "its decoder, encoder and classifier" in words
    images = scene.pictures(np.arange(5))
    session = onnxruntime.InferenceSession(found["runs/0/encoder"], providers=["CPUExecutionProvider"])
    (latents,) = session.run(["latents"], {"images": images[:, 0]})
    np.testing.assert_allclose(np.asarray(latents), scene.array("latents")[:5], atol=1e-4)
    session = onnxruntime.InferenceSession(found["runs/0/judge"], providers=["CPUExecutionProvider"])
    (shares,) = session.run(["probabilities"], {"images": images[:, 0]})
    np.testing.assert_allclose(np.asarray(shares), scene.classify(images), atol=1e-4)


def test_a_file_that_would_be_too_large_has_images_of_a_grid(
    generators: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST_BYTES", 500_000)
    monkeypatch.setattr(export, "MOST_POINTS", 300)
    folder = run_of(generators, "vae")
    path, words = export_page(folder, tmp_path / "page.html", progress=quietly)
    found, scene = elements(path), Scene(folder)
    assert "runs/0/decoder" not in found
    assert len(found["runs/0/images"]) == 300
    assert "300 of" in words
    assert "a grid of decoded images, without its networks, with which it would have over" in words
    sprite, grid = found["runs/0/sprite"], found["runs/0/sprite grid"]
    assert grid["plane"]
    plane = scene.array("pca/latents")
    corner = (plane[0] + np.array(grid["low"]) @ plane[1:]).astype(np.float32)[None]
    np.testing.assert_array_equal(sprite[0, 0].transpose(2, 0, 1), load_run(folder).decode(corner)[0])
    other = (plane[0] + np.array([grid["high"][0], grid["low"][1]]) @ plane[1:]).astype(np.float32)[None]
    np.testing.assert_array_equal(sprite[0, -1].transpose(2, 0, 1), load_run(folder).decode(other)[0])


def test_a_classifier_s_file_has_its_map_and_guesses_and_a_user_s_pictures(classifier: Path, tmp_path: Path) -> None:
    (folder,) = (classifier / "runs").iterdir()
    Image.new("L", (28, 28), 90).save(tmp_path / "mine.png")
    path, words = export_page(folder, tmp_path / "page.html", pictures=[tmp_path / "mine.png"], progress=quietly)
    assert words.endswith("their PCA map; its network")
    found = elements(path)
    about = found["about"]["runs"][0]
    assert about["can"] == ["classify"]
    assert about["pictures"] == [{"index": about["num"] - 1, "name": "mine.png"}]
    assert (found["runs/0/images"][-1] == 90).all()
    assert [one["id"] for one in about["spaces"]] == ["dense_1"]
    assert len(found["runs/0/arrays/predicted"]) == about["num"]
    assert "runs/0/sprite" not in found
    scene = Scene(folder)
    scene.prepare(quietly)
    images = scene.pictures(np.arange(5))
    session = onnxruntime.InferenceSession(found["runs/0/network"], providers=["CPUExecutionProvider"])
    (shares,) = session.run(["probabilities"], {"images": images[:, 0]})
    np.testing.assert_allclose(np.asarray(shares), scene.classify(images), atol=1e-4)


def test_a_file_with_networks_has_the_notices_of_what_runs_them(classifier: Path, tmp_path: Path) -> None:
    path, _ = export_page(classifier, tmp_path / "page.html", progress=quietly)
    notices = elements(path)["ort-notices"].decode()
    assert notices.startswith("THIRD PARTY SOFTWARE NOTICES")
    assert "ort-notices" in path.read_text()[: path.read_text().index("<style>")]


def test_nothing_is_written_over_or_under_another_suffix(generators: Path, tmp_path: Path) -> None:
    there = tmp_path / "page.html"
    there.write_text("mine")
    with pytest.raises(SettingError, match="already exists"):
        export_page(generators, there, progress=quietly)
    assert there.read_text() == "mine"
    with pytest.raises(SettingError, match=r"\.html"):
        export_page(generators, tmp_path / "page.pdf", progress=quietly)
