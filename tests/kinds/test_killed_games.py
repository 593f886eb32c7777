"""Games of convolutional nets, killed by SIGKILL and gone on with: not a bit of anything is another than undisturbed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import papilio as product
from in_process import execute_run
from papilio.data.load import load_images
from papilio.runs.arrays import load_arrays
from papilio.runs.folder import RunFolder
from papilio.search.expected import plan_runs
from papilio.workbench import load_study
from processes import all_weights, rows_without_times, run_killed_in_the_middle, write_study

EPOCHS = 7
STUDY: dict[str, Any] = {
    "title": "Killed",
    "data": {"name": "digits", "size": 16, "fraction": 0.2},
    "model": {"family": "dcgan", "width": 4, "latents": 8, "average": 0.95},
    "train": {"epochs": EPOCHS, "batch_size": 32, "schedule": "cosine"},
    "stage": [
        {
            "name": "games",
            "trial": [
                {"name": "plain", "train": {"objective_settings": {"r1": 0.5}}},
                {
                    "name": "told",
                    "model": {"conditional": True, "spectral_norm": True},
                    "train": {"objective_settings": {"loss": "hinge", "discriminator_steps": 2}},
                },
            ],
        }
    ],
    "analysis": [],
}


class StopsAfter:
    """Lets a run train for so many epochs in all and puts it aside, with its checkpoint."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.is_enough = False

    def on_step(self, *, epoch: int, step: int, num_steps: int) -> None: ...

    def on_epoch(self, record: dict[str, Any]) -> None:
        self.is_enough = record["epoch"] >= self.epochs

    def wants_stop(self) -> bool:
        return self.is_enough


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the study left undisturbed in `out`, and in `killed` what it left when it was killed."""
    folder = tmp_path_factory.mktemp("games")
    file = write_study(folder / "study.toml", STUDY)
    product.run_study(file, out=folder / "out", workers=2, is_silent=True)
    run_killed_in_the_middle(file, folder / "killed", after=3)
    return folder


def states_after(study: Path, out: Path, epochs: int, *, threads: int) -> dict[str, dict[str, bytes]]:
    """All that each run's next epoch depends on, after so many epochs, gone on with from what is in its folder."""
    found = {}
    for plan in plan_runs(load_study(study)):
        images = load_images("digits", size=16, fraction=0.2)
        folder = RunFolder(out / "runs" / plan.name)
        execute_run(folder.path, plan, images, threads=threads, own={}, watcher=StopsAfter(epochs))
        arrays, facts = load_arrays(folder.checkpoint_file)
        assert facts["epoch"] == epochs
        found[plan.name] = {name: array.tobytes() for name, array in arrays.items()}
    return found


def test_nets_optimizers_and_noise_are_the_same_before_the_last_epoch(studies: Path) -> None:
    runs = [RunFolder(path) for path in (studies / "killed" / "runs").iterdir()]
    assert any(run.checkpoint_file.exists() for run in runs)
    (threads,) = {run.facts().threads for run in runs}
    study = studies / "study.toml"
    killed = states_after(study, studies / "killed", EPOCHS - 1, threads=threads)
    undisturbed = states_after(study, studies / "anew", EPOCHS - 1, threads=threads)
    assert killed == undisturbed
    for arrays in killed.values():
        assert {name.split("/")[1] for name in arrays if name.startswith("nets/")} == {
            "generator",
            "discriminator",
            "average",
        }
        assert {"optimiser-0/0/exp_avg_sq", "optimiser-1/0/exp_avg_sq", "generator/noise"} <= arrays.keys()


def test_weights_previews_and_every_batch_are_the_same_at_the_end(studies: Path) -> None:
    assert not (studies / "killed" / "report.html").exists()
    product.run_study(studies / "study.toml", out=studies / "killed", workers=2, is_silent=True)
    assert all_weights(studies / "killed") == all_weights(studies / "out")
    assert rows_without_times(studies / "killed") == rows_without_times(studies / "out")
    for run in (studies / "out" / "runs").iterdir():
        other = studies / "killed" / "runs" / run.name
        previews = {path.name: path.read_bytes() for path in (run / "previews").iterdir()}
        assert len(previews) == EPOCHS
        assert {path.name: path.read_bytes() for path in (other / "previews").iterdir()} == previews
        # a batch that was measured twice has two lines, the last of which counts
        lines = {line.partition(",")[0]: line for line in (other / "batches.jsonl").read_text().splitlines()}
        assert list(lines.values()) == (run / "batches.jsonl").read_text().splitlines()
