"""docs/by-hand.md names everything that the engine by hand computes, and where it is."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from slopes import concrete_layers

import papilio
from papilio.kinds.registry import KINDS
from papilio.numpy_engine.session import RULES
from papilio.scratch import convolutions, layers, losses, network, objectives, optimizers, pooling
from papilio.scratch.initializers import INITIALIZERS
from papilio.scratch.layers import Activation

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "by-hand.md").read_text()
PACKAGE = Path(papilio.__file__).parent
OF_LAYERS = (layers, convolutions, pooling, network)
IN_ORDER = re.findall(r"^\d\. \[`(\w+)\.py`\]", PAGE, re.MULTILINE)


def rows_of(section: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    part = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(section: str, column: int) -> set[str]:
    return {name for row in rows_of(section) for name in re.findall(r"`([A-Za-z_.]+)`", row[column])}


@pytest.mark.parametrize("layer", concrete_layers(), ids=lambda layer: layer.__name__)
def test_every_layer_has_its_forward_and_backward_in_the_table(layer: type[Any]) -> None:
    ways = ("f", "slope") if issubclass(layer, Activation) else ("forward", "backward")
    for column, way in zip((1, 2), ways, strict=True):
        assert f"{layer.__name__}.{way}" in names("Layers", column)


def test_every_loss_objective_optimizer_and_initializer_has_a_row() -> None:
    functions = [one for one in vars(losses).values() if inspect.isfunction(one) and one.__module__ == losses.__name__]
    public = {one.__name__ for one in functions if not one.__name__.startswith("_")}
    assert names("Losses", 1) == public | {"Posterior.draw", "Posterior.kl_nats"}
    assert names("Losses", 2) == public | {"Posterior.backward"}
    known = {kind.objectives["numpy"].rpartition(":")[2] for kind in KINDS.values() if "numpy" in kind.objectives}
    assert names("Objectives", 1) == known
    assert names("Optimizers", 1) == {f"{rule.__name__}.move" for rule in RULES.values()} | {"Optimizer.step"}
    assert names("Initializers", 0) == set(INITIALIZERS)


def test_what_the_tables_name_is_there() -> None:
    there = {name: one for module in (*OF_LAYERS, losses, objectives, optimizers) for name, one in vars(module).items()}
    for section in ("Layers", "Losses", "Objectives", "Optimizers"):
        for name in names(section, 1) | (names(section, 2) if section in ("Layers", "Losses") else set()):
            owner, _, method = name.partition(".")
            assert hasattr(there[owner], method) if method else callable(there[owner])


@pytest.mark.parametrize("row", rows_of("Layers"), ids=lambda row: row[0])
def test_links_of_layers_lead_to_their_lines(row: list[str]) -> None:
    """Where one does not, what this says is what has to stand there."""
    there = {name: one for module in OF_LAYERS for name, one in vars(module).items()}
    for cell in row[1:3]:
        (name,) = re.findall(r"`([A-Za-z_.]+)`", cell)
        owner, _, method = name.partition(".")
        function = getattr(there[owner], method)
        file, line = Path(inspect.getfile(function)).name, inspect.getsourcelines(function)[1]
        assert cell == f"[`{name}`](../src/papilio/scratch/{file}#L{line})"


@pytest.mark.parametrize("section", ["Layers", "Losses", "Objectives", "Optimizers", "Initializers"])
def test_no_row_lacks_its_formula(section: str) -> None:
    formula = {"Layers": 3, "Losses": 3, "Initializers": 1}.get(section, 2)
    rows = rows_of(section)
    assert rows and all(len(row) == formula + 2 and row[formula] for row in rows)


def test_each_file_uses_only_those_that_are_read_before_it() -> None:
    """And, besides NumPy, of Papilio only the parts that nets are made of."""
    assert {f"{name}.py" for name in IN_ORDER} | {"__init__.py"} == {
        file.name for file in PACKAGE.glob("scratch/*")
    } - {"__pycache__"}
    for place, name in enumerate(IN_ORDER):
        for imported in imports_of(PACKAGE / "scratch" / f"{name}.py"):
            known = {"papilio.models.parts", *(f"papilio.scratch.{before}" for before in IN_ORDER[:place])}
            is_outside = imported.partition(".")[0] in {"numpy", *sys.stdlib_module_names}
            assert is_outside or imported in known, (name, imported)


def imports_of(file: Path) -> set[str]:
    """The modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            of_package = (PACKAGE.parent / (node.module or "").replace(".", "/")).is_dir()
            found |= {f"{node.module}.{one.name}" if of_package else str(node.module) for one in node.names}
    return found


def test_the_program_of_the_page_learns(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "by-hand.md", "exec"), {})
    *losses, accuracy = (float(line.split()[-1]) for line in capsys.readouterr().out.splitlines())
    assert len(losses) == 10 and losses[-1] < losses[0] / 4 and accuracy > 0.9


def test_it_is_about_as_short_as_the_pages_say() -> None:
    """What is read in an evening, and what joins it to Papilio: lines of code without docstrings, comments, blank lines."""
    taught, joining = (
        sum(map(num_lines_of_code, PACKAGE.glob(f"{room}/*.py"))) for room in ("scratch", "numpy_engine")
    )
    (said,) = re.findall(r"(\d+) lines of code without docstrings", " ".join(PAGE.split()))
    (also,) = re.findall(r"\| `scratch` \|.* (\d+) lines of code", (DOCS / "architecture.md").read_text())
    (said_joining,) = re.findall(r"`numpy_engine`\S+ in (\d+) lines", " ".join(PAGE.split()))
    assert taught <= 600 and abs(int(said) - taught) <= 10 and said == also
    assert abs(int(said_joining) - joining) <= 20


def num_lines_of_code(file: Path) -> int:
    text = file.read_text()
    docstrings = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or 0) + 1)
    }
    lines = [line.strip() for number, line in enumerate(text.splitlines(), start=1) if number not in docstrings]
    return sum(bool(line) and not line.startswith("#") for line in lines)
