"""One small study with runs that encode and decode, and one with a classifier, trained once for all tests of the explorer."""

from __future__ import annotations

from pathlib import Path

import pytest

from papilio.explorer.scene import Scene
from papilio.workbench import run_study

DATA = {"name": "mnist-5k", "fraction": 0.1}
TRAIN = {"batch_size": 64, "epochs": 1, "learning_rate": 0.002}
SMALL = {"filters": [4, 8], "dense": [16], "latents": 4}


@pytest.fixture(scope="session")
def generators(tmp_path_factory: pytest.TempPathFactory, threads: None) -> Path:
    """The folder of a study with a variational autoencoder, an autoencoder and a conditional generator."""
    trials = [
        {"name": "VAE", "model": {"family": "vae", **SMALL}},
        {"name": "autoencoder", "model": {"family": "autoencoder", **SMALL}},
        {"name": "GAN", "model": {"family": "dcgan", "width": 4, "latents": 6, "conditional": True}},
    ]
    study = {
        "title": "Generators",
        "data": DATA,
        "model": {"family": "vae", **SMALL},
        "train": TRAIN,
        "stage": [{"name": "generators", "trial": trials}],
    }
    return trained(study, tmp_path_factory, out="generators")


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory, threads: None) -> Path:
    """The folder of a study with a small network that classifies."""
    model = {"family": "cnn", "filters": [4, 8], "dense": [70]}
    return trained({"title": "Classes", "data": DATA, "model": model, "train": TRAIN}, tmp_path_factory, out="classes")


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory, threads: None) -> Path:
    """The folder of a study with a small network that reads clocks."""
    study = {
        "title": "Clocks",
        "data": {"name": "clocks", "render": {"num": 90, "size": 20}, "size": 16, "fraction": 0.9},
        "model": {"family": "cnn", "filters": [4], "dense": [8]},
        "train": {"epochs": 1, "batch_size": 16},
    }
    return trained(study, tmp_path_factory, out="clocks")


def trained(study: dict[str, object], folders: pytest.TempPathFactory, *, out: str) -> Path:
    """A study's folder, without a report and analyses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("papilio.workbench._write_report", lambda results, **given: results.folder)
        patch.setattr("papilio.workbench.analyse", lambda *given, **more: [])
        patch.setenv("PAPILIO_CACHE", str(folders.getbasetemp() / "cache"))
        return run_study(study, out=folders.mktemp("explored") / out, is_silent=True).folder


def quietly(done: int, total: int, what: str) -> None:
    """Progress that nobody hears of."""


def run_of(study: Path, trial: str) -> Path:
    """The folder of a trial's only run."""
    (found,) = (study / "runs").glob(f"*-{trial}-*")
    return found


@pytest.fixture
def vae(generators: Path) -> Scene:
    scene = Scene(run_of(generators, "vae"))
    scene.prepare(quietly)
    return scene
