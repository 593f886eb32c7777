"""Adversarial nets that are told of classes: what they learn, and what a trained run then does, as users meet it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import write_study

import papilio as product
from in_process import papilio
from papilio.analysis.store import read_analysis
from papilio.errors import DataError, RunError, StudyError
from papilio.runs.run import Run


def some_halves(folder: Path) -> dict[str, Any]:
    """Noisy images of 16x16 of which another part is bright in each of three classes, as a [data] table."""
    rng = np.random.default_rng(0)
    labels = np.arange(240) % 3
    images = rng.integers(0, 60, (240, 16, 16))
    for image, label in zip(images, labels, strict=True):
        part = ((slice(8, 16), slice(0, 16)), (slice(0, 16), slice(0, 8)), (slice(0, 8), slice(0, 16)))[label]
        image[part] += 170
    np.save(folder / "images.npy", images.astype(np.uint8))
    np.save(folder / "labels.npy", labels)
    return {"path": str(folder / "images.npy"), "labels": str(folder / "labels.npy")}


def study_of(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": "Told",
        "data": data,
        "model": {"family": "dcgan", "latents": 4, "width": 4, "average": 0.9},
        "train": {"epochs": 12, "batch_size": 16, "learning_rate": 0.004},
        "stage": [
            {
                "name": "games",
                "trial": [{"name": "told", "model": {"conditional": True}}, {"name": "untold"}],
            }
        ],
        "analysis": [
            {"kind": "samples", "num": 10, "nearest": 2, "real": True, "top": 2},
            {"kind": "walk", "coordinates": [2, [0, 1]], "steps": 3},
            {"kind": "walk", "coordinates": [2], "steps": 3, "label": "2"},
            {"kind": "morph", "pairs": 2},
        ],
    }


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("told")
    done = papilio("run", write_study(folder / "study.toml", study_of(some_halves(folder))), "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return product.read_results(folder / "out")


def run_of(results: Any, trial: str) -> Run:
    (found,) = [run for run in results.runs if run.trial == trial]
    return product.load_run(found.folder)


def test_the_class_that_is_asked_for_is_what_is_drawn(results: Any) -> None:
    run = run_of(results, "told")
    assert run.conditional_classes == 3 and run.latents == 4
    for label in range(3):
        images = run.sample(20, seed=1, labels=label).astype(float).mean(axis=(0, 1))
        bright = [images[8:].mean() - images[:8].mean(), images[:, :8].mean() - images[:, 8:].mean()]
        bright.append(-bright[0])
        assert np.argmax(bright) == label and bright[label] > 60, (label, bright)


def test_classes_are_given_by_name_or_number_or_take_turns(results: Any) -> None:
    run = run_of(results, "told")
    names = run.class_names
    ones = run.sample(4, seed=2, labels=names[1])
    assert np.array_equal(ones, run.sample(4, seed=2, labels=1))
    assert np.array_equal(ones, run.sample(4, seed=2, labels=[1, names[1], np.int64(1), 1]))
    assert np.array_equal(run.sample(4, seed=2, labels=np.int64(1)), run.sample(4, seed=2, labels=1))
    assert np.array_equal(run.sample(4, seed=2), run.sample(4, seed=2, labels=[0, 1, 2, 0]))
    latents = np.random.default_rng(2).standard_normal((4, 4)).astype(np.float32)
    assert np.array_equal(ones, run.decode(latents, labels=1))
    assert np.array_equal(run.decode(latents), run.decode(latents, labels=[0] * 4))
    with pytest.raises(DataError, match="got 2 labels for 4 images; give one for all, or one per image"):
        run.sample(4, labels=[0, 1])
    with pytest.raises(DataError, match="its classes are numbered from 0 to 2; got 3"):
        run.sample(1, labels=3)
    with pytest.raises(RunError, match="its nets are unconditional"):
        run_of(results, "untold").decode(latents, labels=0)


def test_samples_have_a_row_a_class_beside_training_images_of_it(results: Any) -> None:
    run = run_of(results, "told")
    arrays = read_analysis(results.folder / "analyses" / f"samples-{run.facts.run}.npz").arrays
    assert arrays["rows"].tolist() == run.class_names and len(arrays["samples"]) == len(arrays["real"]) == 9
    expected = run.sample(9, seed=0, labels=np.repeat([0, 1, 2], 3))
    assert np.array_equal(arrays["samples"], expected)
    bright = arrays["real"].reshape(3, 3, 16, 16).astype(float)
    assert (bright[0, :, 8:].mean((1, 2)) > 150).all() and (bright[2, :, :8].mean((1, 2)) > 150).all()
    page = (results.folder / "report.html").read_text()
    assert page.count("One row per class that the generator was conditioned on.") == 1
    assert page.count("3 of each class.") == 1 and "Left: 10 training images. Right: 10 new ones." in page
    name = run.class_names
    assert page.count(f"All pictures are of the class {name[2]}.") == 1
    assert page.count(f"The rows are of the class {name[0]}, and the last 2 of other classes.") == 1
    assert f"Between two draws from the prior, of the classes {name[0]}, {name[1]}, in equal steps" in page


def test_walks_have_a_row_for_each_class_or_show_the_one_that_is_asked_for(results: Any) -> None:
    run = run_of(results, "told")
    files = sorted(results.folder.glob("analyses/walk-*.npz"))
    stored = [read_analysis(file) for file in files if "told" in file.name and "untold" not in file.name]
    every, one = sorted((found.arrays for found in stored), key=lambda arrays: -len(arrays["coordinates"]))
    assert every["coordinates"].tolist() == ["2", "0,1", "2", "2"]
    assert every["classes"].tolist() == [run.class_names[label] for label in (0, 0, 1, 2)]
    assert one["coordinates"].tolist() == ["2"] and one["classes"].tolist() == [run.class_names[2]]
    assert np.array_equal(one["images"][0, :: int(one["every"])], every["images"][3, :: int(every["every"])])
    middle = every["images"][:, every["images"].shape[1] // 2]
    expected = run.decode(np.repeat(every["start"][None], 4, axis=0), labels=[0, 0, 1, 2])
    assert np.array_equal(middle, expected)


def test_a_walk_of_a_class_that_is_unknown_or_of_nets_that_know_none_is_refused(results: Any, tmp_path: Path) -> None:
    study = study_of(some_halves(tmp_path))
    told, untold = study["stage"][0]["trial"]
    walk = {"kind": "walk", "label": "3"}
    for trial, complaint in (
        (told, r"label: '3' is not one of the classes"),
        (untold, "label: its nets are unconditional"),
    ):
        changed = study | {"stage": [{"name": "games", "trial": [trial]}], "analysis": [walk]}
        with pytest.raises(StudyError, match=complaint):
            product.plan_study(changed, out=tmp_path / "out", is_silent=True)


def test_the_command_draws_a_class(results: Any, tmp_path: Path) -> None:
    run = run_of(results, "told")
    name = run.class_names[2]
    done = papilio("sample", run.folder, "--num", "5", "--class", name, "--out", tmp_path / "new.npy")
    assert done.stdout == f"{tmp_path / 'new.npy'}: 5 images of class {name}, seed 0\n", done.stderr
    assert np.array_equal(np.load(tmp_path / "new.npy"), run.sample(5, labels=name)[:, 0])


@pytest.mark.parametrize(
    ("trial", "name", "complaint"),
    [
        (
            "untold",
            "0",
            "its nets are unconditional, so no class can be requested; train a dcgan with conditional",
        ),
        ("told", "9", "'9' is not one of its classes; "),
    ],
)
def test_a_class_that_cannot_be_drawn_is_one_line(
    results: Any, tmp_path: Path, trial: str, name: str, complaint: str
) -> None:
    done = papilio("sample", run_of(results, trial).folder, "--class", name, folder=tmp_path)
    assert done.returncode == 2 and complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not list(tmp_path.iterdir())


def test_images_without_classes_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    study = study_of(some_halves(tmp_path) | {"labels": "none"})
    done = papilio("run", write_study(tmp_path / "study.toml", study), "--out", tmp_path / "out")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert "model: conditional: these images have no classes to condition on; leave it out" in done.stderr
    assert not (tmp_path / "out" / "runs").exists()
