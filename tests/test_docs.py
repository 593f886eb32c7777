"""The docs say what the code does: every setting, command and option, the packages, the examples."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import tomllib
from dataclasses import MISSING, fields
from functools import reduce
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import typer
from pydantic import BaseModel

import papilio
from papilio import load_run, run_study
from papilio.cli import app
from papilio.data.load import load_images
from papilio.data.quantities import CLOCK
from papilio.exports.onnx_files import metadata_of
from papilio.kinds.analyses import ANALYSES
from papilio.kinds.registry import KINDS
from papilio.models.families import FAMILIES
from papilio.models.layers import ACTIVATIONS, INITIALIZERS
from papilio.offers.classify import Prediction
from papilio.offers.dials import QuantityPrediction
from papilio.offers.latents import Reconstruction
from papilio.run_commands import SUFFIXES
from papilio.search.expected import plan_runs
from papilio.settings.data_settings import DataSettings
from papilio.settings.run_settings import NetFrom
from papilio.settings.schedules import SCHEDULES
from papilio.settings.train_settings import (
    Augmentation,
    EarlyStopping,
    PhaseSettings,
    Regularizer,
    TrainSettings,
    Views,
)
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
from papilio.training.optimizers import OPTIMIZERS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TARGETS = (ROOT / "docs" / "targets.md").read_text()
STUDIES = (ROOT / "docs" / "studies.md").read_text()
CODE = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", STUDIES, re.DOTALL))  # of its blocks and in its lines
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
TABLES: list[type[BaseModel]] = [
    StudySettings, DataSettings, StageSettings, SourceSettings, SamplerSettings, PrunerSettings, TrialSettings,
    AnalysisSettings, PublishedSettings,
    TrainSettings, Augmentation, Views, EarlyStopping, Regularizer, PhaseSettings, NetFrom,
    *(kind.settings for kind in KINDS.values()),
    *(analysis.options for analysis in ANALYSES.values()),
]  # fmt: skip


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_setting_is_in_the_docs(table: type[BaseModel]) -> None:
    names = [field.alias or name for name, field in table.model_fields.items()]
    missing = [name for name in names if not re.search(rf"\b{name}\b", CODE)]
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


@pytest.mark.parametrize("name", list(KINDS))
def test_every_kind_of_run_is_in_its_row_with_its_nets_settings_ranking_and_offers(name: str) -> None:
    kind = KINDS[name]
    (row,) = [line for line in STUDIES.splitlines() if line.startswith(f'| `"{name}"` |')]
    named = [*kind.nets, *kind.offers, *([kind.ranked_by] if kind.ranked_by else [])]
    assert not [one for one in named if f"`{one}`" not in row]
    for setting, field in kind.settings.model_fields.items():
        assert f"`{setting}` ({field.default}" in row


@pytest.mark.parametrize("name", [*OPTIMIZERS, *SCHEDULES, *ACTIVATIONS, *INITIALIZERS, *ANALYSES])
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


def test_the_rooms_stand_in_the_docs_in_the_order_that_is_held() -> None:
    (order, *_) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rooms = [name for layer in order["layers"] for name in re.findall(r"papilio\.(\w+)(?!\w*\))", layer)]
    assert re.findall(r"^\| `(\w+)` \|", ARCHITECTURE, re.MULTILINE) == rooms
    (block,) = re.findall(r"\n    (cli  .*?)\n\n", CONTRIBUTING, re.DOTALL)
    assert block.split() == rooms


def test_what_the_architecture_names_is_there() -> None:
    named = re.findall(r"\b((?:\w+/)*\w+)\.py ([A-Za-z]\w*(?:\.\w+)*)", ARCHITECTURE)
    assert len(named) > 30
    for place, name in named:
        reduce(getattr, name.split("."), importlib.import_module(f"papilio.{place.replace('/', '.')}"))


def test_files_that_the_docs_link_to_are_there() -> None:
    for document in [ROOT / "README.md", *ROOT.glob("docs/*.md"), ROOT / "CONTRIBUTING.md"]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_the_studies_in_the_docs_can_be_planned() -> None:
    texts = re.findall(r"```toml\n(.*?)```", STUDIES, re.DOTALL)
    whole, transfer, phases, named, search = (tomllib.loads(text) for text in texts)
    transfer |= {"title": "Transfer", "data": {"name": "digits"}}
    assert [run.settings.model.family for run in plan_runs(load_study(transfer))] == [
        "autoencoder",
        "encoder_classifier",
    ]
    assert len(plan_runs(load_study(whole))) == 18
    assert len(plan_runs(load_study(whole | search | {"published": []}))) == 60 * 2
    trials = {run.trial: run.settings for run in plan_runs(load_study(named))}
    assert [one.model.family for one in trials.values()] == ["mlp", "cnn", "lenet5"]
    assert trials["small CNN"].train.epochs == 10 and trials["LeNet, more slowly"].train.epochs == 20
    (run,) = plan_runs(load_study({"title": "Phases", "data": {"name": "digits"}, "stage": [{"name": "gan"}]} | phases))
    assert run.settings.train.objective == "gan"


def test_the_python_example_of_the_readme_is_short_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(code.strip().splitlines()) <= 15
    monkeypatch.chdir(tmp_path)
    quick = code.replace('"epochs": 30', '"epochs": 1').replace('"seeds": 3', '"seeds": 1')
    assert quick != code
    exec(compile(quick, "README.md", "exec"), {"__name__": "__main__"})
    assert list(tmp_path.glob("results/*/report.html"))


def test_the_analysis_in_the_docs_computes_and_shows() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", STUDIES, re.DOTALL)
    found: dict[str, Any] = {}
    exec(compile(code, "studies.md", "exec"), found)
    assert found["BRIGHTNESS"].section == "mine:brightness_section" and "brightness_section" in found
    images = load_images("digits")
    arrays = found["brightness"](None, images, None)
    assert arrays["means"].shape == (len(images.test),)
    section = found["brightness_section"](arrays, SimpleNamespace(trial="cnn"))
    assert section.title == "Brightness of cnn" and section.blocks[0].rows[0][0] == "mean"


def test_the_kind_of_model_in_contributing_is_short_trains_and_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (walk,) = re.findall(r"^## Adding a kind of model\n.*?(?=^## )", CONTRIBUTING, re.DOTALL | re.MULTILINE)
    assert len(walk.splitlines()) < 60
    (code,) = re.findall(r"```python\n(.*?)```", walk, re.DOTALL)
    (tmp_path / "denoise.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    study = {
        "title": "Denoising",
        "data": {"name": "digits", "fraction": 0.2},
        "model": {"family": "denoise:denoiser"},
        "train": {"objective": "denoise:KIND", "objective_settings": {"level": 0.1}, "epochs": 1},
        "stage": [{"name": "nets"}],
    }
    results = run_study(study, out=tmp_path / "out", workers=1, is_silent=True)
    sys.modules.pop("denoise", None)
    assert results.best is not None and results.best.ranking is not None
    assert results.best.ranking.metric == "val_loss"
    assert "What it changes" in (tmp_path / "out" / "report.html").read_text()


def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["commands.md", "python.md"])
def test_the_reference_reads_as_it_stands_and_its_tables_are_those_of_the_code(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    assert hooks().with_tables(text) == text, "python docs/hooks.py writes the tables again"
    shown = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)  # as a code host shows it
    assert ":::" not in shown
    if page == "python.md":
        public = [name for name in papilio.__all__ if not name.startswith("_")]
        assert not [name for name in public if f"`{name}" not in shown and f"papilio.{name}" not in shown]
        named = " ".join(hooks().TABLE.findall(text)).split()
        assert named and set(named) <= set(re.findall(r"::: (\S+)", text))
        assert "\n::: papilio.workbench.run_study\n" in hooks().on_page_markdown(text)
    else:
        group = typer.main.get_command(app)
        assert not [name for name in group.commands if f"`papilio {name}" not in shown]  # pyright: ignore


def test_bundled_studies_are_in_the_readme() -> None:
    assert not [name for name in bundled_studies() if name not in README]


def test_every_field_of_an_answer_is_in_the_docs() -> None:
    fields_of = [
        *Prediction("a.png", {"cat": 0.6, "dog": 0.3, "cow": 0.1}).as_plain(),
        *Prediction("a.png", {"cat": 0.6, "dog": 0.3, "cow": 0.1}).as_row(),
        *QuantityPrediction("a.png", 1.0, 2.0, 0.9, True, CLOCK).as_plain(),
        *Reconstruction("a.png", *(np.zeros((1, 4, 4), np.uint8),) * 2, np.zeros(2, np.float32)).as_plain(),
    ]
    page = (ROOT / "docs" / "predict.md").read_text()
    assert not [name for name in fields_of if f"`{name}`" not in page]
    assert not [suffix for suffix in SUFFIXES if f"`{suffix}`" not in page]


@pytest.mark.parametrize("command", ["predict", "sample", "export"])
def test_every_option_of_commands_about_runs_is_in_their_row(command: str) -> None:
    (row,) = [line for line in README.splitlines() if line.startswith(f"| `papilio {command} ")]
    parameters = typer.main.get_command(app).commands[command].params  # pyright: ignore
    options = [option for one in parameters for option in one.opts if option.startswith("--")]
    assert not [option for option in options if f"{option} " not in row and f"{option}`" not in row]


def test_every_key_of_an_exported_files_metadata_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "export.md").read_text()
    about = metadata_of(load_run("clock"), title="Clocks")
    assert not [key for key in (*about, "inputs", "outputs") if f"`{key}`" not in page]
