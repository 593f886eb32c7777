"""Code of a user's own: modules beside a study file, classes of a notebook, networks that are built already."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import OwnNet, own_loss, tiny, write_study
from torch import Tensor, nn

import papilio as product
from in_process import papilio
from papilio.errors import RunError, RunFailed, StudyError
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.search.expected import plan_runs
from papilio.studies.study import load_study
from papilio.workbench import sample

pytestmark = pytest.mark.usefixtures("no_reports")

OWN_MODULE = """
from torch import Tensor, nn

def small(num_classes, width=8):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, num_classes))

built = small(10)
"""
ONE_RUN = [{"name": "only"}]


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module that a study names, which nobody has told Python of."""
    (tmp_path / "beside_nets.py").write_text(OWN_MODULE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in ("beside_nets", "beside_package", "beside_package.nets"):
        sys.modules.pop(name, None)


def study_of(family: str) -> dict:
    return tiny(model={"family": family}, train__epochs=1, stage=ONE_RUN)


def test_a_module_beside_the_study_file_is_found_from_any_folder(
    beside: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = write_study(beside / "study.toml", study_of("beside_nets:small"))
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = papilio("run", file, "--out", elsewhere / "out", folder=elsewhere)
    assert done.returncode == 0, done.stderr
    facts = json.loads((elsewhere / "out" / "environment.json").read_text())
    assert facts["modules"] == str(beside.resolve())
    assert "cannot be rerun" not in done.stdout


@pytest.mark.usefixtures("processes")
def test_worker_processes_find_it_too(beside: Path) -> None:
    results = product.run_study(
        write_study(beside / "study.toml", study_of("beside_nets:small")), out=beside / "out", workers=1, is_silent=True
    )
    assert [run.status for run in results.runs] == ["done"]


def test_a_package_beside_it_and_what_varies_are_found(beside: Path) -> None:
    (beside / "beside_package").mkdir()
    (beside / "beside_package" / "nets.py").write_text(OWN_MODULE)
    vary = {"model.family": ["mlp", "beside_package.nets:small"]}
    file = write_study(beside / "study.toml", tiny(model={"family": "mlp"}, stage=[{"name": "only", "vary": vary}]))
    assert {plan.settings.model.family for plan in plan_runs(load_study(file))} == set(vary["model.family"])


@pytest.mark.parametrize("name", ["json", "tiny", "sys"])
def test_a_module_of_a_name_that_is_taken_is_refused_and_never_the_other_one_used(name: str, beside: Path) -> None:
    (beside / f"{name}.py").write_text(OWN_MODULE)
    with pytest.raises(StudyError, match=rf"two modules are named {name}: one next to the study file, .*rename"):
        load_study(write_study(beside / "study.toml", study_of(f"{name}:small")))


def test_modules_of_one_name_beside_two_studies_are_not_taken_for_each_other(beside: Path) -> None:
    plan_runs(load_study(write_study(beside / "study.toml", study_of("beside_nets:small"))))
    other = beside / "other"
    other.mkdir()
    (other / "beside_nets.py").write_text(OWN_MODULE)
    with pytest.raises(StudyError, match="start a new Python process"):
        load_study(write_study(other / "study.toml", study_of("beside_nets:small")))


def test_a_study_that_names_no_module_leaves_pythons_path_alone(beside: Path) -> None:
    before = list(sys.path)
    load_study(write_study(beside / "study.toml", tiny()))
    assert sys.path == before


def test_a_missing_module_says_where_it_may_lie(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="put it next to the study file"):
        plan_runs(load_study(write_study(tmp_path / "study.toml", study_of("nowhere_at_all:small"))))


def test_a_study_with_a_class_of_a_notebook_says_that_its_file_alone_is_not_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class InANotebook(OwnNet):
        """As a cell defines it."""

    InANotebook.__module__, InANotebook.__qualname__ = "__main__", "InANotebook"
    monkeypatch.setattr(sys.modules["__main__"], "InANotebook", InANotebook, raising=False)
    study = tiny(model={"family": InANotebook}, train__epochs=1, stage=ONE_RUN)
    results = product.run_study(study, out=tmp_path / "out")
    assert results.is_whole
    assert "__main__:InANotebook was passed from Python" in capsys.readouterr().out
    text = (tmp_path / "out" / "study.toml").read_text()
    assert text.startswith("# __main__:InANotebook") and "cannot be rerun from its file alone" in text
    assert tomllib.loads(text)["model"]["family"] == "__main__:InANotebook"
    done = papilio("run", tmp_path / "out" / "study.toml", "--out", tmp_path / "again")
    assert done.returncode == 2 and "own:InANotebook" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_function_that_a_module_has_needs_no_remark_and_one_inside_another_does() -> None:
    def inside(num_classes: int) -> nn.Module:
        return OwnNet(num_classes)

    assert load_study(tiny(model={"family": OwnNet})).unrepeatable() == []
    (remark,) = load_study(tiny(model={"family": inside})).unrepeatable()
    assert "inside" in remark


def test_a_network_that_is_built_already_is_refused_at_once(beside: Path) -> None:
    with pytest.raises(StudyError, match=r"model.family: got a network that is built already \(OwnNet\)"):
        load_study(tiny(model={"family": OwnNet(10)}))
    varied = [{"name": "only", "vary": {"model.family": ["mlp", OwnNet(10)]}}]
    with pytest.raises(StudyError, match="is built already"):
        load_study(tiny(stage=varied))
    file = write_study(beside / "study.toml", study_of("beside_nets:built"))
    with pytest.raises(StudyError, match="is built already"):
        plan_runs(load_study(file))


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_run_that_fails_makes_run_study_raise_once_the_others_are_done(is_silent: bool, tmp_path: Path) -> None:
    class Broken(OwnNet):
        def forward(self, images: Tensor) -> Tensor:
            if self.training and self.layers[1].out_features == 5:
                raise ZeroDivisionError("my own bug")
            return super().forward(images)

    study = tiny(model={"family": Broken}, stage=[{"name": "own", "vary": {"model.width": [5, 6]}}], train__epochs=1)
    with pytest.raises(RunFailed, match=r"1 of 2 runs failed: own-width-5.*my own bug.*error\.txt"):
        product.run_study(study, out=tmp_path / "out", is_silent=is_silent)
    statuses = [run.status for run in product.read_results(tmp_path / "out").runs]
    assert statuses == ["failed", "done"]
    tolerated = product.run_study(study, out=tmp_path / "out", is_silent=True, allows_failures=True)
    assert [run.status for run in tolerated.runs] == statuses


@pytest.fixture
def used_later(beside: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a study with a module next to its file, far from that, in a session that does not know the module yet."""
    file = write_study(beside / "study.toml", study_of("beside_nets:small"))
    out = tmp_path_factory.mktemp("results") / "out"
    product.run_study(file, out=out, is_silent=True)
    Image.new("L", (8, 8)).save(out.parent / "black.png")
    forget_modules(beside)
    return out


def forget_modules(beside: Path) -> None:
    """As in a session that has just begun."""
    sys.path[:] = [one for one in sys.path if one != str(beside.resolve())]
    sys.modules.pop("beside_nets", None)


def test_what_uses_a_run_later_finds_the_module_next_to_the_study_file(used_later: Path, beside: Path) -> None:
    """Only where PYTHONPATH named that folder, and nobody said so."""
    (run,) = (used_later / "runs").iterdir()
    for place in (used_later, run):
        done = papilio("predict", place, used_later.parent / "black.png", folder=used_later.parent)
        assert done.returncode == 0, done.stderr
        forget_modules(beside)
    assert papilio("export", run, "--out", used_later.parent / "exported").returncode == 0
    forget_modules(beside)
    done = papilio("sample", run, "--out", used_later.parent / "some.png")
    assert "cannot generate images" in done.stderr
    forget_modules(beside)
    assert papilio("report", used_later).returncode == 0 and str(beside.resolve()) in sys.path


def test_results_that_were_moved_take_the_module_that_lies_in_them(used_later: Path, beside: Path) -> None:
    module = (beside / "beside_nets.py").rename(beside / "elsewhere.py")
    done = papilio("predict", used_later, used_later.parent / "black.png")
    asked, *_ = done.stderr.splitlines()[1:]
    assert done.returncode == 2 and "cannot import 'beside_nets'" in asked
    assert f"put beside_nets.py into {used_later.resolve()}, or in Python pass it: own=" in asked
    for place in (used_later, next((used_later / "runs").iterdir())):
        module.rename(place / "beside_nets.py")
        assert papilio("predict", used_later, used_later.parent / "black.png").returncode == 0
        module = (place / "beside_nets.py").rename(beside / "elsewhere.py")
        forget_modules(place)


def test_another_module_of_its_name_is_never_used_for_it(
    used_later: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "beside_nets.py").write_text(OWN_MODULE)
    sys.path.insert(0, str(other))
    with pytest.raises(RunError, match=r"which Python finds first.*own=\{\"beside_nets:small\": small\}"):
        product.load_run(used_later)


@pytest.fixture
def of_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[StudyResults, type[OwnNet]]:
    """Results of a study with a class that a cell defines, and the class."""

    class Tiny(OwnNet):
        """As a cell defines it."""

    Tiny.__module__, Tiny.__qualname__ = "__main__", "Tiny"
    monkeypatch.setattr(sys.modules["__main__"], "Tiny", Tiny, raising=False)
    study = tiny(model={"family": Tiny}, train__epochs=1, stage=ONE_RUN)
    return product.run_study(study, out=tmp_path / "out", is_silent=True), Tiny


def test_a_run_of_a_class_of_this_notebook_is_loaded_without_being_told(
    of_a_notebook: tuple[StudyResults, type[OwnNet]],
) -> None:
    results, own_class = of_a_notebook
    assert results.best is not None
    assert isinstance(product.load_run(results.best.folder).network, own_class)


@pytest.mark.parametrize("key", ["Tiny", "__main__:Tiny"])
def test_in_another_notebook_the_class_is_passed_by_its_name(
    key: str, of_a_notebook: tuple[StudyResults, type[OwnNet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    results, own_class = of_a_notebook
    monkeypatch.delattr(sys.modules["__main__"], "Tiny")
    with pytest.raises(RunError, match=r'Tiny was defined in a notebook .*pass it: own=\{"__main__:Tiny": Tiny\}$'):
        product.load_run(results)
    assert isinstance(product.load_run(results, own={key: own_class}).network, own_class)
    (answer,) = product.predict(results, np.zeros((8, 8), np.uint8), own={key: own_class})
    assert answer.label in map(str, range(10))
    with pytest.raises(RunError, match="cannot generate images"):
        sample(results, results.folder / "some.png", own={key: own_class})


def test_a_network_is_used_without_the_loss_that_it_was_trained_with(tmp_path: Path) -> None:
    def inside(outputs: Tensor, labels: Tensor) -> Tensor:
        return own_loss(outputs, labels)

    study = tiny(model={"family": OwnNet}, train__epochs=1, train__loss=inside, stage=ONE_RUN)
    results = product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert isinstance(product.load_run(results, network=OwnNet).network, OwnNet)


def test_whatever_stands_for_a_run_is_taken(tmp_path: Path) -> None:
    model = {"family": "autoencoder", "filters": [], "dense": [8], "latents": 2}
    study = tiny(model=model, train__epochs=1, stage=[{"name": "only", "seeds": 2}])
    results = product.run_study(study, out=tmp_path / "out", is_silent=True)
    (trial,), (best, digit) = results.trials("only"), (results.best, np.zeros((8, 8), np.uint8))
    assert best is not None and trial.best == best
    for one in (results, results.folder, str(results.folder), trial, best, best.folder, product.load_run(best)):
        assert product.load_run(one).folder == best.folder
        assert len(product.predict(one, digit)) == 1
        assert product.morph(one, digit[None], digit[None], steps=3).shape == (3, 1, 8, 8)
    other = next(run for run in results.runs if run != best)
    assert product.load_run(other).folder == other.folder


def test_what_stands_for_no_run_is_refused_in_a_line(tmp_path: Path) -> None:
    for wrong, kind in ((np.zeros((300, 300)), "ndarray"), (7, "int"), ([], "list")):
        for use in (product.load_run, lambda one: product.predict(one, []), product.export):
            with pytest.raises(RunError, match=rf"^got a {kind} in place of a run; give a run's or a study's folder"):
                use(wrong)
    failed = TrialResult("only", "one", {}, (RunResult("a", "only", "one", 0, None, {}, tmp_path),))
    with pytest.raises(RunError, match='trial "one": no run of it is finished'):
        product.load_run(failed)
