"""What a setting gives and takes: a real study of tiny variational autoencoders with two values of beta."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from papilio.analysis.coordinates import coordinates
from papilio.analysis.store import read_analysis, write_analysis
from papilio.analysis.trade import setting_of, trade
from papilio.data.load import load_images
from papilio.kinds.options import CoordinatesOptions, TradeOptions
from papilio.results.reading import read_results
from papilio.results.results import StudyResults
from papilio.runs.run import load_run
from papilio.workbench import remake_report, run_study

BETA = "train.objective_settings.beta"
STUDY: dict[str, Any] = {
    "title": "Trade",
    "data": {"name": "digits", "fraction": 0.4},
    "model": {"family": "vae", "filters": [], "dense": [16], "latents": 4},
    "train": {"epochs": 2, "batch_size": 32, "learning_rate": 0.01},
    "stage": [
        {"name": "beta", "seeds": 2, "vary": {BETA: [50.0, 0.01]}},
        {"name": "latents", "trial": [{"name": "as it is"}, {"name": "two", "model": {"latents": 2}}]},
    ],
    "analysis": [{"kind": "trade", "num": 60}, {"kind": "models", "trials": 1, "labels": 20, "num": 20}],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return run_study(STUDY, out=tmp_path_factory.mktemp("trade") / "out", is_silent=True)


def test_each_value_has_its_error_its_latents_and_their_order(results: StudyResults) -> None:
    arrays = read_analysis(results.folder / "analyses" / "trade-beta.npz").arrays
    assert arrays["values"].tolist() == ["0.01", "50.0"] and arrays["latents"].tolist() == [4, 4]
    small, large = (next(one for one in results.trials("beta") if one.varied[BETA] == beta) for beta in (0.01, 50.0))
    assert arrays["trials"].tolist() == [small.name, large.name] and arrays["num_runs"].tolist() == [2, 2]
    for name in ("error", "kl"):
        known = [small.mean(f"test_{name}"), large.mean(f"test_{name}")]
        assert arrays[name].tolist() == pytest.approx(known)
        assert arrays[f"{name}_spread"][0] == pytest.approx(small.spread(f"test_{name}"))
    assert arrays["error"][0] < arrays["error"][1] and arrays["kl"][0] > arrays["kl"][1]
    assert arrays["active"].tolist() == [small.mean("test_active_units"), large.mean("test_active_units")]
    assert arrays["factors"].tolist() == ["class"]


def test_the_gap_is_that_of_the_coordinates(results: StudyResults) -> None:
    arrays = read_analysis(results.folder / "analyses" / "trade-beta.npz").arrays
    trial = next(one for one in results.trials("beta") if one.varied[BETA] == 0.01)
    best = trial.best
    assert best is not None
    found = coordinates(load_run(best.folder), load_images("digits", fraction=0.4), CoordinatesOptions(num=60))
    assert arrays["mig"][0] == pytest.approx(found["gaps"].mean()) and arrays["rotated"][0] == pytest.approx(
        found["rotated"]
    )


def test_a_setting_that_does_not_vary_has_nothing_to_tell(results: StudyResults) -> None:
    assert not (results.folder / "analyses" / "trade-latents.npz").exists()
    images = load_images("digits", fraction=0.4)
    by_latents = trade(results, "latents", TradeOptions(by="model.latents", num=60), lambda run: images)
    assert by_latents is not None and by_latents["values"].tolist() == ["2", "4"]
    assert trade(results, "beta", TradeOptions(by="model.no_such"), lambda run: images) is None


def test_a_setting_that_was_left_to_its_default_is_known(results: StudyResults) -> None:
    run = results.trials("latents")[0].runs[0]
    assert setting_of(run, BETA) == 1.0 and setting_of(run, "train.objective_settings.likelihood") == "bernoulli"
    assert setting_of(run, "train.batch_size") == 32 and setting_of(run, "train.objective_settings.x") is None


def test_the_page_has_a_table_and_a_figure_also_without_what_is_not_known(
    results: StudyResults, tmp_path: Path
) -> None:
    page = (results.folder / "report.html").read_text()
    assert page.count("Trade-off of beta</h3>") == 1
    for words in ('<th scope="row">50.0</th>', "MIG, rotated", "Active units", "most informative about class exceeds"):
        assert words in page
    assert (results.folder / "figures" / "1-beta-trade.svg").exists()
    folder = shutil.copytree(results.folder, tmp_path / "out")
    stored = read_analysis(folder / "analyses" / "trade-beta.npz")
    nothing = {name: np.full(2, np.nan) for name in ("mig", "rotated", "active", "active_spread", "kl", "kl_spread")}
    write_analysis(stored.path, stored.header, {**stored.arrays, **nothing})
    page = remake_report(read_results(folder).folder).read_text()
    assert "Trade-off of beta</h3>" in page and "MIG" not in page and "Active units" not in page
