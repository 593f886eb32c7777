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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("papilio.workbench._write_report", lambda results, **given: results.folder)
        patch.setattr("papilio.workbench.analyse", lambda *given, **more: None)
        patch.setenv("PAPILIO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
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
        return run_study(study, out=tmp_path_factory.mktemp("explored") / "generators", is_silent=True).folder


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory, threads: None) -> Path:
    """The folder of a study with a small network that classifies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("papilio.workbench._write_report", lambda results, **given: results.folder)
        patch.setattr("papilio.workbench.analyse", lambda *given, **more: None)
        patch.setenv("PAPILIO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        model = {"family": "cnn", "filters": [4, 8], "dense": [70]}
        study = {"title": "Classes", "data": DATA, "model": model, "train": TRAIN}
        return run_study(study, out=tmp_path_factory.mktemp("explored") / "classes", is_silent=True).folder


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
