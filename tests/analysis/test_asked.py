"""Which analyses the tables of a study ask for: by name, by what the kind has, with the options of each."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from brightness import BRIGHTNESS, KIND, TRIALS, Shades

from papilio.errors import SettingError, StudyError
from papilio.kinds.analyses import ANALYSES, analyses_of
from papilio.kinds.kind import Analysis, Kind
from papilio.kinds.options import ClassificationOptions, ProjectionOptions, ReadingOptions
from papilio.kinds.registry import CLASSIFY, KINDS, READ
from papilio.settings.references import resolve_reference
from papilio.studies.asked import refuse_impossible_analyses, run_analyses, stage_analyses
from papilio.studies.schema import AnalysisSettings
from papilio.studies.study import load_study

STUDY: dict[str, Any] = {
    "title": "T",
    "data": {"name": "digits"},
    "model": {"family": "mlp"},
    "stage": [{"name": "a"}],
}


BARE = Kind("bare", {}, KIND.metrics, None)  # nothing is looked at of it


def table(**given: Any) -> AnalysisSettings:
    return AnalysisSettings.model_validate(given)


def test_without_a_name_it_is_all_that_the_kind_has() -> None:
    assert run_analyses(table(), CLASSIFY) == [(ANALYSES["classification"], ClassificationOptions(mistakes=24))]
    assert run_analyses(table(mistakes=3), READ) == [(ANALYSES["reading"], ReadingOptions(mistakes=3))]
    assert run_analyses(table(), BARE) == []
    own = run_analyses(table(pictures=5, mistakes=1), KIND)
    assert own == [(ANALYSES["classification"], ClassificationOptions(mistakes=1)), (BRIGHTNESS, Shades(pictures=5))]


def test_a_name_is_of_the_runs_whose_kind_has_it() -> None:
    assert run_analyses(table(kind="reading"), CLASSIFY) == []
    assert [one for one, _ in run_analyses(table(kind="brightness"), KIND)] == [BRIGHTNESS]
    refuse_impossible_analyses([table(kind="reading", mistakes=2)], {"one": [CLASSIFY, READ]})


def test_stages_are_looked_at_unless_nothing_is_asked_for() -> None:
    names = [one.name for one, _ in stage_analyses([table(kind="reading")], [CLASSIFY, READ])]
    assert names == ["transfer", "costs"]
    assert [one for one, _ in stage_analyses([table()], [KIND])] == [TRIALS]
    assert stage_analyses([], [READ]) == stage_analyses([table()], [BARE]) == []


@pytest.mark.parametrize(
    ("given", "kinds", "complaint"),
    [
        (
            {"kind": "clasification"},
            [CLASSIFY],
            "kind: 'clasification' is not an analysis; did you mean classification?",
        ),
        ({"kind": "brightness"}, [CLASSIFY], "kind: 'brightness' is not an analysis; allowed are"),
        (
            {"kind": "reading"},
            [CLASSIFY],
            "kind: reading does not apply to any run of this study; .* one of: classification",
        ),
        ({"kind": "reading"}, [BARE], "kind: reading does not apply to any run of this study; .* no analysis is"),
        ({"mistaks": 3}, [CLASSIFY], "mistaks is not a setting; did you mean mistakes?"),
        (
            {"pictures": 3},
            [CLASSIFY],
            "pictures is not a setting; allowed are components, data, kind, mistakes, name, seeds, stage, top",
        ),
        ({"kind": "brightness", "perplexity": 4}, [KIND], "perplexity is not a setting; allowed are .*pictures"),
        ({"kind": "costs", "mistakes": 3}, [READ], "mistakes is not a setting"),
        ({"mistakes": 3}, [BARE], "mistakes is not a setting"),
        ({"mistakes": "many"}, [CLASSIFY], "mistakes: input should be a valid integer.*given: 'many'"),
        ({"mistakes": -1}, [CLASSIFY, READ], "mistakes: input should be greater than or equal to 0"),
    ],
)
def test_what_cannot_be_is_one_line(given: dict[str, Any], kinds: list[Kind], complaint: str) -> None:
    with pytest.raises(StudyError, match=rf"^\[\[analysis\]\] 1( \(\w+\))?: {complaint}") as caught:
        refuse_impossible_analyses([table(**given)], {"one": kinds})
    assert "\n" not in str(caught.value)


def test_what_a_kind_has_on_request_needs_its_name() -> None:
    named = run_analyses(table(kind="projection", num=500), CLASSIFY)
    assert named == [(ANALYSES["projection"], ProjectionOptions(num=500))]
    refuse_impossible_analyses([table(kind="projection", num=500)], {"one": [CLASSIFY]})
    with pytest.raises(StudyError, match="perplexity is not a setting"):
        refuse_impossible_analyses([table(perplexity=5)], {"one": [CLASSIFY]})


def test_a_table_of_one_stage_must_fit_its_runs() -> None:
    kinds = {"one": [CLASSIFY], "two": [READ]}
    refuse_impossible_analyses([table(kind="reading", stage="two", mistakes=2)], kinds)
    with pytest.raises(
        StudyError,
        match=r"^\[\[analysis\]\] 2: kind: reading does not apply to any run of stage 'one'; .* classification",
    ):
        refuse_impossible_analyses([table(), table(kind="reading", stage="one")], kinds)


def test_an_analysis_of_a_stage_has_one_set_of_options() -> None:
    kinds = {"one": [CLASSIFY], "two": [CLASSIFY]}
    alike = [table(kind="transfer", components=[5]), table(components=[7]), table(kind="transfer", components=[5])]
    refuse_impossible_analyses(alike, kinds)
    apart = [table(kind="transfer", components=[number], stage=name) for number, name in enumerate(kinds, start=3)]
    refuse_impossible_analyses(apart, kinds)
    with pytest.raises(
        StudyError,
        match=r"^\[\[analysis\]\] 3 \(transfer\): conflicts with \[\[analysis\]\] 1, which has other options: stage 'one'",
    ):
        refuse_impossible_analyses([*apart, table(kind="transfer")], kinds)


def test_a_stage_that_does_not_exist_is_refused() -> None:
    tables = [{}, {"kind": "classification", "stage": "sort"}]
    with pytest.raises(StudyError, match=r"\[\[analysis\]\] 2: stage: there is no stage 'sort'; did you mean sorts\?"):
        load_study(STUDY | {"stage": [{"name": "sorts"}, {"name": "other"}], "analysis": tables})


def test_what_the_first_version_wrote_into_every_study_stands() -> None:
    written = table(name="", data={}, top=3, mistakes=24)
    refuse_impossible_analyses([written], {"one": [BARE]})
    assert run_analyses(written, BARE) == []


def test_a_study_and_its_file_are_equal() -> None:
    study = load_study(STUDY | {"analysis": [{"top": 2, "mistakes": 5}, {"kind": "walks", "grid": [3, {"a": 1}]}]})
    text = study.to_toml()
    assert "mistakes = 5" in text and "top = 2" in text
    again = load_study(tomllib.loads(text))
    assert again.settings == study.settings and again.to_toml() == text


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_registered_analysis_has_its_functions(kind: Kind) -> None:
    for analysis in analyses_of(kind).values():
        assert callable(resolve_reference(analysis.compute)) and callable(resolve_reference(analysis.section))


def test_a_kind_names_what_there_is() -> None:
    unknown = Kind("mine", {}, KIND.metrics, None, analyses=("walks",))
    with pytest.raises(SettingError, match="mine: 'walks' is not an analysis"):
        analyses_of(unknown)
    inside = Kind("mine", {}, KIND.metrics, None, analyses=(Analysis("a", "x:y", lambda arrays, context: None),))
    with pytest.raises(SettingError, match="section of its analysis 'a' is a function inside a function"):
        analyses_of(inside)
