"""A few dozen inputs of the campaign, always the same; `make faults` tries thousands."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.campaign import Job, try_job
from tests.faults.generators import GENERATORS
from tests.faults.harness import Fault, Generator, Outcome, Verdict, try_apart, try_here, warm_up

from papilio.errors import DataError

SEED = 17
NUM = 6  # of each generator


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    warm_up()


@pytest.mark.parametrize("number", range(NUM))
@pytest.mark.parametrize("generator", GENERATORS)
def test_an_odd_input_is_read_or_refused_in_one_line(generator: str, number: int) -> None:
    outcome = try_here(Job(generator, SEED, number).fault())
    assert outcome.verdict is Verdict.OK, f"{outcome.name}: status {outcome.status}\n{outcome.stderr}"


@pytest.mark.parametrize("generator", GENERATORS)
def test_the_same_numbers_make_the_same_files(generator: str, tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Job(generator, SEED, 0).fault().write(tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append([(path.relative_to(tmp_path / name), path.read_bytes()) for path in files])
    assert contents[0] == contents[1]


def _raise(error: BaseException) -> None:
    raise error


def _refuse_after(line: str) -> None:
    print(line, file=sys.stderr)
    raise DataError("a.png: cannot be read")


def test_what_a_user_would_see_is_judged() -> None:
    def verdict(attempt: object, **options: object) -> Verdict:
        fault = Fault("x", lambda folder: None, attempt, **options)  # type: ignore[arg-type]
        return try_here(fault).verdict

    assert verdict(lambda folder: None) is Verdict.OK
    assert verdict(lambda folder: _raise(KeyError("x"))) is Verdict.TRACEBACK
    assert verdict(lambda folder: _raise(MemoryError())) is Verdict.MEMORY
    assert verdict(lambda folder: None, statuses=(1, 2)) is Verdict.WRONG_EXIT
    assert verdict(("data", "info", "no-such-set"), file="no-such-set") is Verdict.OK
    assert verdict(("data", "info", "no-such-set"), file="another") is Verdict.MESSAGE
    assert verdict(lambda folder: _refuse_after("loading the run")) is Verdict.OK
    assert verdict(lambda folder: _refuse_after("More samples per pixel than can be decoded")) is Verdict.MESSAGE


@pytest.mark.parametrize("attempt", [try_here, try_apart])
def test_a_full_output_is_one(attempt: Callable[[Fault], Outcome]) -> None:
    outcome = attempt(Fault("x", lambda folder: None, ("studies",), statuses=(1,), is_output_full=True))
    assert outcome.verdict is Verdict.OK and "No space left" in outcome.stderr


def test_memory_of_a_process_apart_is_its_own() -> None:
    held = bytearray(400 * 2**20)
    held[:: 2**12] = b"x" * len(held[:: 2**12])  # so that there are pages behind it
    outcome = try_apart(Fault("x", lambda folder: None, ("--version",)))
    assert 0 < outcome.peak_bytes < 300 * 2**20


def _broken(rng: random.Random) -> Fault:
    raise ArithmeticError("no such input")


def _unwritten(rng: random.Random) -> Fault:
    return Fault("x", lambda folder: _raise(ArithmeticError("no such file")), ("data", "info", "x"))


@pytest.mark.parametrize("generator", [_broken, _unwritten])
def test_a_generator_that_raises_is_named_and_the_campaign_goes_on(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GENERATORS, "broken", generator)
    outcome = try_job(Job("broken", 1, 2))
    assert (outcome.name, outcome.verdict) == ("broken/1/2", Verdict.GENERATOR)
    assert "ArithmeticError: no such" in outcome.last_line


def test_a_command_is_tried_in_a_process_of_its_own() -> None:
    fault = Fault("x", lambda folder: None, ("data", "info", "no-such-set"), file="no-such-set", statuses=(2,))
    assert try_apart(fault, base_bytes=2**30).verdict is Verdict.OK
