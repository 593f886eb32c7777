"""`papilio new`: a study that suits the images, and runs as it stands."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from in_process import papilio
from papilio.studies.starter import write_starter
from papilio.studies.study import load_study
from papilio.workbench import describe_study


def pictures(folder: Path, *, classes: tuple[str, ...] = ("cat", "dog"), num: int = 24, side: int = 20) -> Path:
    rng = np.random.default_rng(0)
    for number in range(num):
        place = folder / classes[number % len(classes)] if classes else folder
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (side, side), dtype=np.uint8)).save(place / f"{number}.png")
    return folder


def written(tmp_path: Path, data: str | None) -> dict[str, Any]:
    path, _ = write_starter("first", data, folder=tmp_path)
    # where images are few there are folds
    assert not [note for note in describe_study(path).notes if "an accuracy has a" in note]
    return tomllib.loads(path.read_text())


def test_few_pictures_in_class_folders(tmp_path: Path) -> None:
    pictures(tmp_path / "pets")
    study = written(tmp_path, str(tmp_path / "pets"))
    assert study["data"] == {"path": "pets"}
    assert (study["model"]["family"], study["stage"][0]["folds"]) == ("cnn", 5)


def test_pictures_that_differ_or_are_large_are_brought_to_a_size(tmp_path: Path) -> None:
    pictures(tmp_path / "pets")
    pictures(tmp_path / "pets" / "bird", classes=(), side=50)
    assert written(tmp_path, str(tmp_path / "pets"))["data"]["size"] == 16
    (tmp_path / "first.toml").unlink()
    pictures(tmp_path / "large", side=200)
    assert written(tmp_path, str(tmp_path / "large"))["data"]["size"] == 64


def test_many_images_with_splits_have_no_folds(tmp_path: Path) -> None:
    study = written(tmp_path, "mnist-5k")
    assert study["data"] == {"name": "mnist-5k"} and "folds" not in study["stage"][0]


def test_without_classes_it_is_an_autoencoder(tmp_path: Path) -> None:
    pictures(tmp_path / "faces", classes=())
    assert written(tmp_path, str(tmp_path / "faces"))["model"]["family"] == "vae"


def test_labels_can_be_ignored(tmp_path: Path) -> None:
    """For the latent space of the same pictures; without the option, it took a reading of the study file's page."""
    pictures(tmp_path / "pets", num=40)
    done = papilio("new", "latents", "--data", "pets", "--labels", "none", folder=tmp_path)
    assert done.returncode == 0 and "their labels are ignored" in done.stdout
    study = tomllib.loads((tmp_path / "latents.toml").read_text())
    assert study["data"] == {"path": "pets", "labels": "none"} and study["model"]["family"] == "vae"
    assert describe_study(tmp_path / "latents.toml").trials
    done = papilio("new", "other", "--data", "pets", "--labels", "labels.csv", folder=tmp_path)
    assert (
        done.returncode == 2 and "--labels: allowed is none" in done.stderr and not (tmp_path / "other.toml").exists()
    )


def test_numbers_on_a_circle(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "images.npy", rng.integers(0, 255, (40, 12, 12), dtype=np.uint8))
    np.save(tmp_path / "labels.npy", np.stack([rng.integers(0, 12, 40), rng.integers(0, 60, 40)], axis=1))
    study = written(tmp_path, str(tmp_path / "images.npy"))
    assert study["data"] == {"path": "images.npy", "labels": "labels.npy"}
    assert study["train"]["target"] == "sin_cos"


def test_a_table_of_classes(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "scans", classes=())
    rows = [f"{path.name},{'ab'[number % 2]}" for number, path in enumerate(sorted(folder.glob("*.png")))]
    (folder / "labels.csv").write_text("\n".join(rows))
    study = written(tmp_path, str(folder))
    assert study["data"] == {"path": "scans", "labels": "scans/labels.csv"} and study["model"]["family"] == "cnn"


def test_the_study_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / 'a "b" ü', num=40)
    monkeypatch.chdir(tmp_path)
    done = papilio("new", "pets", "--data", 'a "b" ü', folder=tmp_path)
    assert done.returncode == 0 and "40 pictures of 2 classes: cat, dog" in done.stdout
    assert "papilio run pets.toml" in done.stdout
    ran = papilio("run", "pets.toml", "--max-epochs", "1", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "results" / "pets" / "report.html").is_file()


def test_pictures_that_cannot_be_read_are_told_of_in_the_line_and_the_file(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pets", num=40)
    whole = (folder / "cat" / "0.png").read_bytes()
    (folder / "cat" / "0.png").write_bytes(whole[:-40])  # its header says nothing of that
    done = papilio("new", "one", "--data", "pets", folder=tmp_path)
    told = "1 picture cannot be read: cat/0.png (image file is truncated)"
    assert (
        done.returncode == 0
        and told in done.stdout
        and 'remove or replace it, or set unreadable = "skip"' in done.stdout
    )
    text = (tmp_path / "one.toml").read_text()
    assert load_study(tmp_path / "one.toml")
    (tmp_path / "skip.toml").write_text(text.replace("# unreadable", "unreadable"))
    planned = papilio("run", "skip.toml", "--dry-run", folder=tmp_path)
    assert planned.returncode == 0, planned.stderr
    assert 'pets: 1 picture that cannot be read was left out (unreadable = "skip"): cat/0.png (' in planned.stdout
    assert f"# {told}" in (tmp_path / "one.toml").read_text()
    for number in range(1, 9, 2):
        (folder / "dog" / f"{number}.png").write_bytes(b"no picture")
    done = papilio("new", "five", "--data", "pets", folder=tmp_path)
    assert "5 pictures cannot be read: cat/0.png" in done.stdout and ", and 2 more; the study" in done.stdout
    assert "papilio run five.toml" in done.stdout.splitlines()[-1]


def test_of_many_pictures_the_headers_alone_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("papilio.studies.starter.MOST_DECODED", 10)
    folder = pictures(tmp_path / "pets", num=40)
    (folder / "dog" / "1.png").write_bytes(b"no picture")
    assert "1 picture cannot be read: dog/1.png" in papilio("new", "pets", "--data", "pets", folder=tmp_path).stdout


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("title = 'mine'")
    for name, complaint in (("mine", "already exists"), ("nowhere/mine", "does not exist")):
        done = papilio("new", name, folder=tmp_path)
        assert done.returncode == 2 and complaint in done.stderr and done.stderr.count("\n") == 1
    assert (tmp_path / "mine.toml").read_text() == "title = 'mine'"


def test_images_that_cannot_be_used_leave_no_file(tmp_path: Path) -> None:
    done = papilio("new", "mine", "--data", "nowhere/here", folder=tmp_path)
    assert done.returncode == 2 and "no such file or folder" in done.stderr
    assert not list(tmp_path.iterdir())
