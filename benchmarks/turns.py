"""Contenders in turns, A B C, A B C, ..., and what they answered, round by round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.bench import Bench
from benchmarks.processes import Answer, Contender, ContenderFailed, run_contender

Answers = dict[str, list[Answer]]  # by the contender's name, one a round


@dataclass(frozen=True)
class Entry:
    """A contender with the task that it is given, and what its job has besides everybody's; `name` is that of its rows."""

    contender: Contender
    task: str = "train"
    job: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def __str__(self) -> str:
        return self.name or self.contender.name


def take_turns(
    bench: Bench,
    what: str,
    entries: Sequence[Entry],
    job: Mapping[str, Any],
    *,
    before_round: Callable[[], None] = lambda: None,
) -> Answers:
    """Each entry once a round; `what` is what the terminal calls it. Raises ContenderFailed, also for other nets."""
    answers: Answers = {str(entry): [] for entry in entries}
    for number in range(bench.rounds):
        before_round()
        for entry in entries:
            answer = run_contender(entry.contender, entry.task, {**job, **entry.job})
            answers[str(entry)].append(answer)
            bench.note_versions(entry.contender.name, answer.facts["versions"])
            rate = answer.facts["images_per_second"]
            bench.say(f"{what}, round {number + 1} of {bench.rounds}: {entry} {rate:,.0f} images/s")
    _refuse_other_nets(answers)
    return answers


def values(answers: Answers, fact: str) -> dict[str, list[Any]]:
    """A fact of each contender, one a round."""
    return {name: [answer.facts[fact] for answer in given] for name, given in answers.items()}


def _refuse_other_nets(answers: Answers) -> None:
    counts = {name: given[0].facts["parameters"] for name, given in answers.items()}
    if len(set(counts.values())) > 1:
        raise ContenderFailed(f"these are different nets, by their parameters: {counts}")
