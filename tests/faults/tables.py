"""Tables of values beside pictures, and of factors beside arrays."""

from __future__ import annotations

import functools
import random

from tests.faults.arrays import NUM, npy_bytes, sound_arrays
from tests.faults.damage import damaged
from tests.faults.harness import Fault
from tests.faults.pictures import good_picture, write_files

NUM_PICTURES = 8
VALUES = (
    "1_0",
    "3,5",
    "3;5",
    "",
    " ",
    "ten",
    "nan",
    "inf",
    "-1e999",
    "1e308",
    "٣",
    "0x10",
    "9" * 5000,
    "x" * 5000,
    "12:60",
    "25:00",
)
VALUES += (
    "5:3",
    "'5",
    '"',
    '"5\n6"',
    "5\0",
    "\ufeff5",
    "1e-320",
    "−3",
    "3.",
    ".5",
    "+7",
    "1e5",
    "\udce9".encode("utf-8", "surrogateescape").decode("latin-1"),
)
NAMES = (
    "0.png",
    "./0.png",
    "nowhere.png",
    "",
    "..",
    "a\nb.png",
    "x" * 300 + ".png",
    "x" * 5000,
    "/etc/passwd",
    "~/0.png",
    "0.png\0",
    "0.PNG",
)
HEADERS = (
    "file,value",
    "",
    "0.png,twelve",
    "file,value,comment",
    "file",
    "\ufefffile,value",
    "5,5",
    "file;value",
    ",",
    "file,value\r",
)


def odd_table(rng: random.Random) -> Fault:
    """Pictures with a table of which some rows are odd."""
    rows = [f"{number}.png,{10 * number}" for number in range(NUM_PICTURES)]
    if rng.random() < 0.3:
        rows = [f"{number}.png,{number}:{10 + number}" for number in range(NUM_PICTURES)]
    for _ in range(rng.choice((0, 1, 1, 2))):
        at, row = rng.randrange(len(rows)), f"{rng.choice(NAMES)},{rng.choice(VALUES)}"
        odd = (
            f"{at}.png,{rng.choice(VALUES)}",
            f'"{rng.choice(NAMES)}",5',
            row,
            rows[at],
            f"{rows[at]},5",
            f"{at}.png;5",
        )
        rows.insert(at, rng.choice(odd))
    content = rng.choice(("\n", "\n", "\n", "\r\n", "\r")).join([rng.choice(HEADERS), *rows]).encode()
    content = damaged(content, rng) if rng.random() < 0.3 else content
    if rng.random() < 0.1:
        content = rng.choice(
            (b"", b"\n\n", content.decode("utf-8", "replace").encode("utf-16"), rng.randbytes(2000), b"a" * 200_000)
        )
    files = {f"set/{number}.png": good_picture(number) for number in range(NUM_PICTURES)} | {"labels.csv": content}
    period = () if rng.random() < 0.3 else ("--period", "360")
    command = ("data", rng.choice(("info", "info", "check")), "set", "--labels", "labels.csv", *period)
    return Fault(f"table: {command[1]}", functools.partial(write_files, files), command, file="")


def odd_factors(rng: random.Random) -> Fault:
    """Arrays with a table of factors that is odd."""
    images, labels = sound_arrays(rng)
    rows = ["one,two", *(f"{number},{number / 2}" for number in range(NUM))]
    for _ in range(rng.choice((0, 1, 2))):
        rows[rng.randrange(len(rows))] = rng.choice(
            (f"{rng.choice(VALUES)},{rng.choice(VALUES)}", "", "1", "1,2,3", "one,one", "1_0,2")
        )
    content = "\n".join(rows).encode()
    content = damaged(content, rng) if rng.random() < 0.4 else content
    files = {"images.npy": npy_bytes(images), "labels.npy": npy_bytes(labels), "factors.csv": content}
    command = ("data", rng.choice(("info", "check")), "images.npy", "--labels", "labels.npy")
    return Fault("factors", functools.partial(write_files, files), command, file="factors.csv")
