"""Study files and `--set` with wrong values, wrong types, numbers too large, and bytes that are damaged."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w
from tests.faults.damage import damaged
from tests.faults.harness import Fault
from tests.faults.wrong import VALUES, places, with_wrong_values

STUDIES: tuple[dict[str, Any], ...] = (
    {
        "title": "T",
        "max_epochs": 2,
        "data": {"name": "digits", "fraction": 0.2, "seed": 0, "validation": 0.1, "num_train": 100},
        "model": {"family": "cnn", "filters": [4], "dense": [8], "dropout": 0.1},
        "train": {
            "epochs": 1,
            "batch_size": 32,
            "optimizer": {"name": "adam", "learning_rate": 0.01},
            "augment": {"shift": 1},
            "early_stopping": {"patience": 2, "metric": "val_loss"},
            "views": {"num": 3, "rotate": 10.0},
        },
        "stage": [
            {
                "name": "a",
                "seeds": 2,
                "sampler": {"name": "random", "seed": 1},
                "trials": 3,
                "pruner": {"name": "median", "min_epochs": 1},
                "vary": {
                    "model.dropout": {"low": 0.1, "high": 0.5, "step": 0.1},
                    "train.batch_size": {"values": [16, 32], "when": {"choice.x": True}},
                    "choice.x": [True, False],
                },
            },
            {
                "name": "b",
                "from": {"stage": "a", "top": 2},
                "folds": 2,
                "trial": [{"name": "one", "train": {"epochs": 2}}],
            },
        ],
        "analysis": [{"kind": "classification", "top": 2, "mistakes": 3}],
        "published": [{"stage": "a", "source": "x", "test_accuracy": 0.9, "where": {"model.dropout": 0.1}}],
    },
    {
        "title": "V",
        "data": {"name": "digits", "fraction": 0.2},
        "model": {"family": "vae", "latents": 2},
        "train": {"epochs": 1, "objective_settings": {"beta": 1.0}, "betas": [0.9, 0.99]},
        "analysis": [{}],
    },
    {
        "title": "G",
        "data": {"name": "digits", "fraction": 0.2},
        "model": {"family": "gan", "latents": 4},
        "train": {"epochs": 1, "phases": {"generator": {"learning_rate": 0.001}}},
    },
)


def odd_study(rng: random.Random) -> Fault:
    """A study file with wrong values, shown; or damaged bytes of it."""
    study = rng.choice(STUDIES)
    way, make = rng.choice(WAYS)
    content = make(study, rng)

    def write(folder: Path) -> None:
        (folder / "s.toml").write_bytes(content)

    return Fault(f"study file: {way}", write, ("show", "s.toml"), file="s.toml")


def odd_setting(rng: random.Random) -> Fault:
    """A sound study with `--set KEY=VALUE`, where either may be anything."""
    study = rng.choice(STUDIES)
    names = [".".join(path) for path in _paths(study)]
    key = rng.choice(
        (*names, *names, "x", "model.x.y", "train", "stage.seeds", "stage.0.name", "", "a" * 3000, ".".join("a" * 500))
    )
    value = rng.choice((_toml(rng.choice(VALUES)), rng.choice(TEXTS)))

    def write(folder: Path) -> None:
        (folder / "s.toml").write_text(tomli_w.dumps(study))

    return Fault(f"--set {key[:30]}", write, ("show", "s.toml", "--set", f"{key}={value}"))


def _paths(value: Any, *parents: str) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return []
    return [path for key, inner in value.items() for path in [(*parents, key), *_paths(inner, *parents, key)]]


def _toml(value: Any) -> str:
    return tomli_w.dumps({"v": value}).partition("=")[2].strip()


def _wrong_values(study: dict[str, Any], rng: random.Random) -> bytes:
    return tomli_w.dumps(with_wrong_values(study, rng)).encode(errors="replace")


def _damaged(study: dict[str, Any], rng: random.Random) -> bytes:
    return damaged(tomli_w.dumps(study).encode(), rng)


def _odd_text(study: dict[str, Any], rng: random.Random) -> bytes:
    """One value, as TOML has it, gives way to something that TOML has no word for, or hardly."""
    holder, key = rng.choice([place for place in places(study) if not isinstance(place[0][place[1]], dict | list)])
    before = holder[key]
    holder[key] = "XX-HERE-XX"
    text = tomli_w.dumps(study)
    holder[key] = before
    return text.replace('"XX-HERE-XX"', rng.choice(TEXTS)).encode(errors="surrogateescape")


TEXTS = (
    "9" * 5000,
    "9" * 400,
    "-" + "9" * 25,
    "[" * 20000 + "]" * 20000,
    "[" * 100 + "]" * 100,
    "{a=" * 300 + "1" + "}" * 300,
    "1e400",
    "inf",
    "nan",
    "2020-01-01",
    "1_0",
    "0x10",
    '"\\u0000"',
    '"~nosuchuser/x"',
    '"' + "n" * 300 + '"',
    "'" + "x" * 5000 + "'",
    "1000000000",
    "1e9",
    "[" + "1," * 3000 + "]",
    "{" + ",".join(f"k{number}=1" for number in range(1500)) + "}",
)
WAYS: tuple[tuple[str, Callable[[dict[str, Any], random.Random], bytes]], ...] = (
    ("wrong values", _wrong_values),
    ("wrong values", _wrong_values),
    ("odd texts", _odd_text),
    ("damaged bytes", _damaged),
)
