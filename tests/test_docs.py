"""The docs say what the code does: every setting, command and option, the packages, the examples."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from papilio.cli import app
from papilio.models.families import FAMILIES
from papilio.models.layers import ACTIVATIONS, INITIALISERS
from papilio.search.expected import plan_runs
from papilio.settings.data_settings import DataSettings
from papilio.settings.train_settings import Augmentation, EarlyStopping, Regulariser, TrainSettings
from papilio.settings.validation import settings_class
from papilio.studies.schema import (
    AnalysisSettings,
    PrunerSettings,
    PublishedSettings,
    SamplerSettings,
    SourceSettings,
    StageSettings,
    StudySettings,
    TrialSettings,
)
from papilio.studies.study import bundled_studies, load_study
from papilio.targets.quantity import DESIGNS
from papilio.training.optimisers import OPTIMISERS
from papilio.training.schedules import SCHEDULES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TARGETS = (ROOT / "docs" / "targets.md").read_text()
STUDIES = (ROOT / "docs" / "studies.md").read_text()
TABLES: list[type[BaseModel]] = [
    StudySettings, DataSettings, StageSettings, SourceSettings, SamplerSettings, PrunerSettings, TrialSettings,
    AnalysisSettings, PublishedSettings,
    TrainSettings, Augmentation, EarlyStopping, Regulariser,
]  # fmt: skip


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_setting_is_in_the_docs(table: type[BaseModel]) -> None:
    names = [field.alias or name for name, field in table.model_fields.items()]
    missing = [name for name in names if not re.search(rf"\b{name}\b", STUDIES)]
    assert not missing


@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_argument_of_every_family_is_in_its_row_with_its_default(family: str) -> None:
    (row,) = [line for line in STUDIES.splitlines() if line.startswith(f"| `{family}` |")]
    for name, field in settings_class(FAMILIES[family], family).model_fields.items():
        assert f"`{name}`" in row
        if field.default is not None:
            shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
            assert re.search(rf"`{name}` \({re.escape(shown)}", row)


@pytest.mark.parametrize("name", list(DESIGNS))
def test_every_setting_of_every_target_design_is_in_its_row_with_its_default(name: str) -> None:
    (row,) = [line for line in TARGETS.splitlines() if line.startswith(f"| `{name}` |")]
    for one in fields(DESIGNS[name]):
        if one.name != "period":
            assert f"`{one.name}`" in row
            if one.default is not MISSING and one.default is not None:
                assert f"`{one.name}` ({one.default})" in row


@pytest.mark.parametrize("name", [*OPTIMISERS, *SCHEDULES, *ACTIVATIONS, *INITIALISERS])
def test_every_choice_is_in_the_docs(name: str) -> None:
    assert re.search(rf"\b{name}\b", STUDIES)


def test_every_command_and_every_option_of_run_is_in_the_readme() -> None:
    group = typer.main.get_command(app)
    names = {f"papilio {name}" for name in group.commands if name != "data"}  # pyright: ignore
    names |= {f"papilio data {name}" for name in group.commands["data"].commands}  # pyright: ignore
    assert not [name for name in names if name not in README]
    options = [option for one in group.commands["run"].params for option in one.opts if option.startswith("--")]  # pyright: ignore
    assert not [option for option in options if option not in README]


def test_the_first_command_comes_by_line_20() -> None:
    assert any("make demo" in line for line in README.splitlines()[:20])


def test_the_map_in_the_readme_is_of_the_packages_that_are_there() -> None:
    folder = ROOT / "src" / "papilio"
    there = {
        f"{one.name}/" for one in folder.iterdir() if one.is_dir() and list(one.glob("*.*")) and one.name[0] != "_"
    }
    there |= {one.name for one in folder.glob("*.py") if one.name[0] != "_"}
    mapped = set(re.findall(r"^\| `([\w.]+/?)` \|", README, re.MULTILINE))
    assert there == {name for name in mapped if name.endswith(("/", ".py"))}


def test_files_that_the_docs_link_to_are_there() -> None:
    for document in [ROOT / "README.md", *ROOT.glob("docs/*.md"), ROOT / "CONTRIBUTING.md"]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_the_studies_in_the_docs_can_be_planned() -> None:
    whole, search = (tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", STUDIES, re.DOTALL))
    assert len(plan_runs(load_study(whole))) == 18
    assert len(plan_runs(load_study(whole | search | {"published": []}))) == 60 * 2


def test_the_python_example_of_the_readme_is_short_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(code.strip().splitlines()) <= 15
    monkeypatch.chdir(tmp_path)
    quick = code.replace('"epochs": 30', '"epochs": 1').replace('"seeds": 3', '"seeds": 1')
    assert quick != code
    exec(compile(quick, "README.md", "exec"), {"__name__": "__main__"})
    assert list(tmp_path.glob("results/*/report.html"))


def test_bundled_studies_are_in_the_readme() -> None:
    assert not [name for name in bundled_studies() if name not in README]
