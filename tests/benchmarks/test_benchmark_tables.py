"""Medians, ratios and spreads of the benchmark tables, on numbers that a reader can check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.bench import Bench
from benchmarks.processes import ContenderFailed
from benchmarks.tables import HEAD, Row, Target, markdown_table, paired_ratios, readable, text_table

from benchmarks import run

PAPILIO = [100.0, 80.0, 300.0]
OTHER = [50.0, 80.0, 100.0]


def slower_row(target: Target | None = None) -> Row:
    return Row("cnn", "other", "images/s", OTHER, paired_ratios(PAPILIO, OTHER), target, note="a note")


def test_ratios_pair_the_values_of_one_round():
    assert paired_ratios(PAPILIO, OTHER) == [2.0, 1.0, 3.0]


def test_rounds_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="zip"):
        paired_ratios([1.0], OTHER)


def test_a_row_gives_median_range_and_median_of_the_paired_ratios():
    facts = slower_row().as_json()
    assert (facts["n"], facts["median"], facts["min"], facts["max"]) == (3, 80.0, 50.0, 100.0)
    # the ratio of the medians would be 100 / 80
    assert facts["papilio_is_better_by"] == {"median": 2.0, "min": 1.0, "max": 3.0}


@pytest.mark.parametrize(
    ("target", "is_met"),
    [
        (Target(ratio_at_least=2.0), True),
        (Target(ratio_at_least=2.01), False),
        (Target(median_below=80.1), True),
        (Target(median_below=80.0), False),
        (Target(median_above=79.9), True),
        (Target(median_above=80.0), False),
    ],
)
def test_a_target_is_kept_by_the_median(target: Target, is_met: bool):
    assert slower_row(target).as_json()["is_met"] is is_met


def test_a_ratio_target_is_not_met_without_ratios():
    assert not Target(ratio_at_least=1.0).is_met(Row("cnn", "other", "images/s", [5.0]))


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.01234567, "0.01235"), (0.5, "0.5"), (123.45, "123.5"), (12345.6, "12,346")]
)
def test_numbers_are_readable(value: float, text: str):
    assert readable(value) == text


def test_a_text_table_has_its_columns_under_each_other():
    lines = text_table(
        [slower_row(Target(ratio_at_least=1.5)), Row("cnn", "Papilio", "images/s", PAPILIO)]
    ).splitlines()
    assert len(lines) == 3
    assert len({line.index("images/s") for line in lines[1:]}) == 1
    assert lines[1].split() == [
        "other",
        "images/s",
        "3",
        "80",
        "50",
        "–",
        "100",
        "2.00×",
        "1.00",
        "–",
        "3.00",
        "≥",
        "1.5×",
        "yes",
    ]


def test_a_markdown_table_has_its_head_its_cells_and_its_notes():
    lines = markdown_table([slower_row(Target(ratio_at_least=2.5))]).splitlines()
    assert all(line.count("|") == len(HEAD) + 1 for line in lines[:3])
    assert lines[2] == "| other | images/s | 3 | 80 | 50 – 100 | 2.00× | 1.00 – 3.00 | ≥ 2.5× | no |"
    assert lines[-1] == "- other, images/s: a note"


def benchmark_of(row: Row) -> Callable[[Bench], list[Row]]:
    return lambda bench: [row]


def failing(bench: Bench) -> list[Row]:
    raise ContenderFailed("other: exit status 1")


def test_each_benchmark_is_written_under_its_name_when_it_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    measured = {"mlp": benchmark_of(slower_row()), "cnn": failing, "vae": benchmark_of(slower_row())}
    monkeypatch.setattr(run, "BENCHMARKS", measured)
    assert run.main(["--rounds", "2", "--out", str(tmp_path)]) == 1
    assert "benchmarks: cnn: other: exit status 1" in capsys.readouterr().err
    kept = {f"benchmarks-{name}.{suffix}" for name in ("mlp", "vae") for suffix in ("json", "md")}
    assert {file.name for file in tmp_path.iterdir()} == kept
    text = (tmp_path / "benchmarks-vae.md").read_text()
    assert "- command: python -m benchmarks.run vae --rounds 2 (" in text
    assert "| other | images/s | 3 | 80 |" in text


def test_results_are_only_printed_without_a_folder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(run, "BENCHMARKS", {"mlp": benchmark_of(slower_row())})
    assert run.main(["mlp", "--quick"]) == 0
    assert "python -m benchmarks.run mlp --quick" in (told := capsys.readouterr().out)
    assert "written" not in told
