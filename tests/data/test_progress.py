"""Progress of long readings: seen on a terminal, and in a log without flooding it."""

from __future__ import annotations

import pytest

from papilio.data import progress


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    show = progress.reading_progress()
    for done in range(1, 31):  # one a second
        now += 1
        show(1000 * done, 30_000, "drawing")
    show(7, 0, "fetched")
    assert capsys.readouterr().err.splitlines() == [
        "drawing: 11,000 of 30,000",
        "drawing: 22,000 of 30,000",
        "drawing: 30,000 of 30,000",  # finished
    ]


def test_a_log_says_that_a_count_without_an_end_is_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    show = progress.reading_progress()
    for done in range(1, 16):
        now += 1
        show(done, 0, "looking through cats")
    show(1, 15, "decoding cats")
    show(0, 0, "writing the page")  # a step that counts nothing
    assert capsys.readouterr().err.splitlines() == [
        "looking through cats: 11",
        "looking through cats: 15 in all",
        "writing the page",
    ]


def test_a_log_of_ten_hours_has_some_seventy_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    show = progress.reading_progress()
    for done in range(1, 36_001):
        now += 1
        show(done, 36_000, "drawing")
    lines = capsys.readouterr().err.splitlines()
    assert 50 < len(lines) < 120 and lines[-1] == "drawing: 36,000 of 36,000"


def test_a_terminal_gets_one_line_that_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    show = progress.reading_progress()
    show(1, 2, "drawing")
    show(2, 2, "drawing")
    assert capsys.readouterr().err == "\rdrawing: 1 of 2\x1b[K\rdrawing: 2 of 2\x1b[K\n"


def test_a_step_that_counts_nothing_has_no_number_and_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    progress.reading_progress()(0, 0, "placing points on the map")
    assert capsys.readouterr().err == "\rplacing points on the map\x1b[K\n"
