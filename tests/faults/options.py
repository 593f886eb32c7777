"""Options of commands with numbers and words that make no sense, or too much of it."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults.harness import Fault
from tests.faults.own_files import OUT, copied_study, finished_study
from tests.faults.pictures import good_picture, good_set, write_files

NUMBERS = ("0", "-1", "1", "7", "4097", "1000000", "1000000000000", str(2**63), "9" * 30)
DECIMALS = ("0", "-1", "0.5", "1", "1e-300", "1e300", "nan", "inf", "-inf", "2")
WORDS = ("", "x", "a\nb", "\x1b[31m", "0", "-1", "x" * 5000, "..", "none", "caf\udce9")
PLACES = (
    "",
    ".",
    "..",
    "/dev/full",
    "/dev/null/x",
    "set",
    "good.png",
    "x" * 300,
    "a\nb",
    "~nosuchuser/x",
    "caf\udce9.png",
    "new/",
)


def odd_option(rng: random.Random) -> Fault:
    """A command that is right but for one or two options."""
    runs = sorted(path.name for path in (finished_study() / "runs").iterdir())
    vae = f"{OUT}/runs/{next(name for name in runs if '-vae-' in name)}"
    classifier = f"{OUT}/runs/{next(name for name in runs if '-vae-' not in name)}"
    commands: tuple[tuple[tuple[str, ...], dict[str, tuple[str, ...]]], ...] = (
        (("sample", vae), {"--num": NUMBERS, "--seed": NUMBERS, "--class": WORDS, "--out": PLACES}),
        (("predict", classifier, "good.png"), {"--out": PLACES}),
        (("predict", vae, "good.png"), {"--out": PLACES}),
        (("explore", vae, "--export", "page.html"), {"--pictures": PLACES, "--classifier": (*PLACES, classifier, vae)}),
        (("explore", vae), {"--export": PLACES}),
        (("results", OUT), {"--top": NUMBERS}),
        (("data", "info", "set"), {"--size": NUMBERS, "--bits": NUMBERS, "--period": DECIMALS, "--labels": PLACES}),
        (("data", "check", "set"), {"--size": NUMBERS, "--bits": NUMBERS, "--period": DECIMALS, "--labels": PLACES}),
        (
            ("data", "render", "gauges", "--out", "drawn", "--num", "2"),
            {"--size": NUMBERS, "--seed": NUMBERS, "--variety": WORDS, "--color": WORDS, "--out": PLACES},
        ),
        (("data", "render", "clocks", "--out", "drawn"), {"--num": ("0", "-1", "1000000000000", "9" * 30)}),
        (("new",), {"": (*WORDS[1:], "sub/x", "study.json"), "--data": PLACES}),
        (
            ("run", "first-look", "--dry-run", "--out", "fresh"),
            {"--fraction": DECIMALS, "--max-epochs": NUMBERS, "--device": WORDS, "--precision": WORDS, "--out": PLACES},
        ),
        (("compare", OUT), {"": PLACES}),
        (("show",), {"": (*PLACES, *WORDS)}),
    )
    command, options = rng.choice(commands)
    for name in rng.sample(list(options), rng.choice((1, 1, 2)) if len(options) > 1 else 1):
        value = rng.choice(options[name])
        command = (*command, *([name] if name else []), value)
    if command[0] == "new" and (len(command) == 1 or command[1].startswith("--")):
        command = ("new", "mine", *command[1:])

    def write(folder: Path) -> None:
        copied_study(folder)
        write_files(good_set() | {"good.png": good_picture(0)}, folder)

    return Fault(f"options: {' '.join(one[:20] for one in command[:1])} {command[-2][:20]}", write, command, file="")
