"""What a page answers at its head: whether a published order stands, what differs by more than seeds do, what carries over."""

from __future__ import annotations

from pathlib import Path

import study_folders

import papilio as product
from papilio.drawing.figure_files import Pictures
from papilio.sections.answers import answers
from papilio.sections.page import render_page


def test_the_order_and_the_spread_of_seeds(tmp_path: Path) -> None:
    """Measured are 0.952, 0.932 (both ± 0.002) and one run of 0.91."""
    results = study_folders.classification_study(
        tmp_path / "a", published=study_folders.published_accuracies(0.9, 0.95, 0.85)
    )
    (line,) = answers(results)
    assert "2 of 3 pairs of trials are in the published order; the other differs by more than the spread" in line
    assert line.endswith(" The two trials with several runs differ by more than the spread of seeds.")
    page = render_page(results, Pictures(tmp_path / "figures"))
    assert page.index("2 of 3 pairs of trials are in the published order") < page.index('id="contents"')
    results = study_folders.classification_study(
        tmp_path / "d", published=study_folders.published_accuracies(0.8, 0.9, 0.95)
    )
    assert (
        "0 of 3 pairs of trials are in the published order; of the other 3, none differs by no more"
        in answers(results)[0]
    )
    results = study_folders.classification_study(
        tmp_path / "b", published=study_folders.published_accuracies(0.9, 0.85, 0.8)
    )
    assert "3 of 3 pairs of trials are in the published order. The two" in answers(results)[0]
    assert answers(study_folders.classification_study(tmp_path / "c")) == []


def test_what_was_best_for_other_images_is_set_against_what_is_best_here(tmp_path: Path) -> None:
    train = {"epochs": 2, "batch_size": 32}
    here = {"title": "T", "data": {"name": "digits", "fraction": 0.5}, "model": {"family": "mlp"}, "analysis": []}
    first = here | {"train": train, "stage": [{"name": "s", "vary": {"model.units": [[1], [32]]}}]}
    product.run_study(first, out=tmp_path / "first", is_silent=True)
    stages = [
        {"name": "taken over", "from": {"study": str(tmp_path / "first"), "top": 2}, "seeds": 2},
        {"name": "own", "model": {"units": [64]}, "train": {"epochs": 8}, "seeds": 2},
    ]
    second = here | {"train": train, "stage": stages}
    results = product.run_study(second, out=tmp_path / "second", is_silent=True)
    (line,) = answers(results)
    assert line.startswith(
        f"“taken over”: Of the top 2 trials of {tmp_path / 'first'}, its no. 1 performs best here (test"
    )
    assert "; worse than the best of the other stages, “mlp” in “own” (" in line
    assert "Its two trials differ by more than the spread of seeds." in line

    varied = {"name": "varied", "from": {"study": str(tmp_path / "first")}, "vary": {"model.dropout": [0.0, 0.9]}}
    (line,) = answers(
        product.run_study(here | {"train": train, "stage": [varied]}, out=tmp_path / "third", is_silent=True)
    )
    assert line.startswith(
        f"Starting from the best of {tmp_path / 'first'}, “dropout 0."
    )  # they are no best trials of it
