"""Sets that Papilio draws, of which a study can be described before anything is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiny import tiny

from papilio.data.leaks import num_trained_on
from papilio.data.splits import SPLITS
from papilio.errors import PapilioError, StudyError
from papilio.settings.data_settings import DataSettings
from papilio.studies.images import StudyImages
from papilio.studies.undrawn import undrawn_images_of
from papilio.workbench import describe_study

TABLES: dict[str, dict[str, Any]] = {
    "clocks": {"name": "clocks", "render": {"num": 60, "size": 20}},
    "in another size and color": {
        "name": "gauges",
        "render": {"num": 60, "size": 20},
        "size": (24, 30),
        "color": "rgb",
    },
    "a share": {"name": "butterflies", "render": {"num": 90, "size": 16}, "fraction": 0.5, "num_train": 20},
    "without labels": {"name": "clocks", "render": {"num": 60, "size": 20}, "labels": "none", "seed": 3},
}


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize("name", TABLES)
def test_all_but_the_pixels_is_that_of_the_drawn_set(name: str) -> None:
    data = DataSettings(**TABLES[name])
    undrawn, drawn = StudyImages({}, draws=False).of(data), StudyImages({}).of(data)
    assert undrawn.facts == drawn.facts
    assert np.array_equal(undrawn.labels, drawn.labels)
    for split in SPLITS:
        assert np.array_equal(undrawn.indices(split), drawn.indices(split)), split
    assert undrawn.fold(1, of=3, seed=0).image_shape == drawn.image_shape
    assert undrawn_images_of(data) is None, "it is drawn now"


@pytest.mark.usefixtures("empty_cache")
def test_equal_pictures_are_known_undrawn_and_others_told_apart() -> None:
    images = StudyImages({}, draws=False)
    table = TABLES["clocks"]
    own = images.of(DataSettings(**table))
    other_splits = images.of(DataSettings(**table, seed=1))
    other_pictures = images.of(DataSettings(**table | {"render": {"num": 60, "size": 20, "seed": 1}}))
    drawn = StudyImages({})
    assert num_trained_on(other_splits, own) == num_trained_on(
        drawn.of(DataSettings(**table, seed=1)), drawn.of(DataSettings(**table))
    )
    assert num_trained_on(other_splits, own) > 0
    assert num_trained_on(other_pictures, own) == 0
    assert len({one.checksum for one in (own, other_splits, other_pictures)}) == 3


@pytest.mark.usefixtures("empty_cache")
def test_a_study_is_described_without_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **others: Any) -> None:
        raise AssertionError("drawn")

    monkeypatch.setattr("papilio.data.rendering.source.render_set", refuse)
    study = tiny(data={"name": "clocks", "render": {"num": 1_000_000, "size": 20}})
    assert describe_study(study).networks
    seen = {"kind": "reading", "data": {"seed": 5}}
    with pytest.raises(StudyError, match="are among the"):
        describe_study(tiny(data={"name": "clocks", "render": {"num": 600, "size": 20}}, analysis=[seen]))


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize(
    "changes",
    [
        {"render": {"num": 0}},
        {"render": {"variety": "cuckoo"}},
        {"render": {"pictures": 9}},
        {"period": 360.0},
        {"bits": 12},
        {"unreadable": "skip"},
        {"labels": "labels.csv"},
    ],
)
def test_what_drawing_refuses_is_refused_in_the_same_words(changes: dict[str, Any]) -> None:
    data = DataSettings(**TABLES["clocks"] | changes)
    words = []
    for draws in (True, False):
        with pytest.raises(PapilioError) as error:
            StudyImages({}, draws=draws).of(data)
        words.append((type(error.value), str(error.value)))
    assert words[0] == words[1]
