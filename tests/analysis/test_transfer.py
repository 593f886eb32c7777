"""What the page says of encoders from elsewhere, of a real study of tiny nets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from papilio.analysis.analyse import analyse
from papilio.analysis.store import read_analysis
from papilio.models.autoencoder import autoencoder
from papilio.results.results import StudyResults
from papilio.runs.folder import RunFolder
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study
from papilio.workbench import run_study


class Classifier(nn.Module):
    """The encoder of an `autoencoder`, and a head on it."""

    def __init__(self, image_shape: tuple[int, int, int], num_classes: int) -> None:
        super().__init__()
        self.encoder = autoencoder(image_shape, latents=6).encoder
        self.head = nn.Linear(6, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))


def taking(name: str, **encoder: Any) -> dict[str, Any]:
    return {"name": name, "model": {"encoder": encoder} if encoder else {}}


STUDY = {
    "title": "Transfer",
    "data": {"name": "digits", "fraction": 0.3},
    "model": {"family": Classifier},
    "train": {"epochs": 1, "batch_size": 32},
    "stage": [
        {"name": "pretraining", "model": {"family": "autoencoder", "latents": 6}},
        {
            "name": "classes",
            "seeds": 2,
            "vary": {"data.num_train": [20, 60]},
            "trial": [taking("frozen", stage="pretraining", freeze=True), taking("from scratch")],
        },
        {"name": "alone", "trial": [taking("from scratch")]},
    ],
    "analysis": [{"kind": "transfer", "components": [3]}, {"kind": "models", "trials": 1, "labels": 20, "num": 20}],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return run_study(STUDY, out=tmp_path_factory.mktemp("transfer") / "out", is_silent=True)


def test_a_table_that_no_stage_has_anything_for_is_told_of(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It was left out without a word."""
    trials = {"name": "alone", "trial": [taking("from scratch")]}
    tables = [{"kind": "transfer"}, {"kind": "classification"}]
    study = STUDY | {"stage": [trials], "analysis": tables}
    run_study(study, out=tmp_path / "out")
    why = "skipped: nothing to show; it needs runs that begin with weights of another run"
    assert capfd.readouterr().out.count(f"[[analysis]] 1 (transfer): {why}\n") == 1


def test_a_table_is_not_told_of_where_one_of_its_stages_has_something(results: StudyResults) -> None:
    study = load_study(STUDY)
    assert analyse(results, study, StudyImages(study.own)) == []


def arrays_of(results: StudyResults) -> Any:
    return read_analysis(results.folder / "analyses" / "transfer-classes.npz").arrays


def test_each_trial_has_its_labels_accuracy_and_both_times(results: StudyResults) -> None:
    arrays = arrays_of(results)
    assert arrays["labels"].tolist() == [20, 60, 20, 60]
    assert arrays["designs"].tolist() == ["frozen", "frozen", "from scratch", "from scratch"]
    assert arrays["is_frozen"].tolist() == [True, True, False, False]
    (pretraining,) = results.trials("pretraining")[0].runs
    assert arrays["before"].tolist() == pytest.approx([pretraining.seconds] * 2 + [0.0] * 2)
    assert "encoder of pretraining/" in arrays["sources"][0] and arrays["sources"][2] == ""
    for trial, accuracy, spread in zip(results.trials("classes"), arrays["accuracy"], arrays["spread"], strict=True):
        assert accuracy == pytest.approx(trial.mean("test_accuracy"))
        assert spread == pytest.approx(trial.spread("test_accuracy"))
    assert arrays["num_runs"].tolist() == [2] * 4


def test_components_stand_beside_the_nets_with_as_many_labels(results: StudyResults) -> None:
    arrays = arrays_of(results)
    assert arrays["pca_labels"].tolist() == [20, 60] and arrays["pca_components"].tolist() == [3, 3]
    assert np.all((arrays["pca_accuracy"] > 0.2) & (arrays["pca_accuracy"] < 1))


def test_a_stage_that_takes_nothing_has_no_such_section(results: StudyResults) -> None:
    assert [path.stem for path in (results.folder / "analyses").glob("transfer*.npz")] == ["transfer-classes"]
    page = (results.folder / "report.html").read_text()
    assert page.count("Encoders from other runs") == 1
    assert "By number of labels" in page and "By time" in page
    assert "PCA, 3 components, logistic regression" in page
    (by_time,) = re.findall(r"Test accuracy by seconds with 60 labels: [^\"]*", page)[:1]
    assert "PCA, 3 components 0." in by_time


def test_time_of_a_source_that_is_gone_is_not_known(results: StudyResults, tmp_path: Path) -> None:
    from papilio.analysis.transfer import _seconds_before

    run = next(run for run in results.runs if run.trial.startswith("frozen"))
    facts = RunFolder(run.folder).facts()
    start = facts.starts["encoder"] | {"run": str(tmp_path / "gone")}
    facts.starts["encoder"] = start
    assert np.isnan(_seconds_before(results, facts))
