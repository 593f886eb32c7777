"""Class folders with odd names, files that are none, and paths that lead nowhere."""

from __future__ import annotations

import contextlib
import functools
import os
import random
from pathlib import Path

from tests.faults.harness import Fault
from tests.faults.pictures import CLASSES, good_picture, good_set, odd_picture, write_files

BYTE_NAMES = (
    b"caf\xe9",
    b"a\nb",
    b"x" * 200,
    b"\xff\xfe",
    b"tab\there",
    b" ",
    b"-rf",
    b"$(id)",
    b"\xe3\x80\x80",
    b"con",
    b"e\xcc\x81",
)
SPLITS = ("train", "test", "val", "Train", "validation")
PATHS = (
    "~nosuchuser/x",
    "x" * 300,
    "x" * 5000,
    "a\nb",
    "/dev/null",
    "/proc/self/mem",
    "",
    ".",
    "set\udce9",
    "a" * 300 + "/b.npy",
)
PATHS += (
    "nowhere.zip",
    "nowhere.npy",
    "nowhere/deeper",
    "set/ant/0.png",
    "mnits",
    "C:\\x",
    "http://example.org/x.zip",
    "none",
)


def odd_folder(rng: random.Random) -> Fault:
    """Class folders, some of which have odd names or odd files in them."""
    ways = rng.sample(list(WAYS), rng.choice((1, 1, 2)))
    numbers = [rng.randrange(2**32) for _ in ways]
    size = ("--size", "8") if rng.random() < 0.5 else ()
    command = rng.choice(
        (("data", "check", "set"), ("data", "info", "set", *size), ("data", "info", "set", "--labels", "none", *size))
    )

    def write(folder: Path) -> None:
        write_files(good_set(), folder)
        for way, number in zip(ways, numbers, strict=True):
            with contextlib.suppress(OSError):  # what this file system cannot have
                WAYS[way](folder / "set", random.Random(number))

    return Fault(f"{' and '.join(ways)}: {command[1]}", write, command, file="set")


def odd_path(rng: random.Random) -> Fault:
    """A path that is none, for one of the commands that take paths of images."""
    path = rng.choice(PATHS)
    command = rng.choice(
        (
            ("data", "info", path),
            ("data", "check", path),
            ("data", "info", path, "--labels", "labels.npy"),
            ("data", "info", "set", "--labels", path, "--period", "360"),
            ("predict", "clock", path),
            ("predict", "clock", "good.png", path),
            ("predict", path, "good.png"),
        )
    )
    files = good_set() | {"good.png": good_picture(0)}
    return Fault(f"path {path[:20]!r}: {command[0]}", functools.partial(write_files, files), command)


def _odd_class(folder: Path, rng: random.Random) -> None:
    name = os.fsencode(folder) + b"/" + rng.choice(BYTE_NAMES)
    Path(os.fsdecode(name)).mkdir()
    for number in range(rng.choice((1, 3))):
        Path(os.fsdecode(name), f"{number}.png").write_bytes(good_picture(50 + number))


def _odd_name(folder: Path, rng: random.Random) -> None:
    name = os.fsencode(folder / CLASSES[0]) + b"/" + rng.choice(BYTE_NAMES) + rng.choice((b".png", b"", b".txt"))
    Path(os.fsdecode(name)).write_bytes(rng.choice((good_picture(60), b"nothing")))


def _pipe(folder: Path, rng: random.Random) -> None:
    os.mkfifo(folder / CLASSES[0] / rng.choice(("pipe.png", "pipe", "pipe.txt")))


def _device(folder: Path, rng: random.Random) -> None:
    (folder / CLASSES[0] / "device.png").symlink_to(
        rng.choice(("/dev/zero", "/dev/null", "/dev/random", "/proc/self/mem"))
    )


def _links(folder: Path, rng: random.Random) -> None:
    target = rng.choice(("loop.png", "..", ".", "nowhere", "../ant"))
    (folder / CLASSES[0] / "loop.png").symlink_to(target)


def _deep(folder: Path, rng: random.Random) -> None:
    here = folder / CLASSES[0]
    for _ in range(rng.choice((2, 30, 400))):
        here = here / "d"
        here.mkdir()
    (here / "deep.png").write_bytes(good_picture(70))


def _unreadable(folder: Path, rng: random.Random) -> None:
    (folder / CLASSES[0]).chmod(rng.choice((0, 0o444)))


def _split(folder: Path, rng: random.Random) -> None:
    for name in rng.sample(SPLITS, rng.choice((1, 2, 3))):
        for one in rng.sample((*CLASSES, "cicada", "Ant"), rng.choice((1, 2, 3))):
            write_files({f"{name}/{one}/{number}.png": good_picture(80 + number) for number in range(3)}, folder)
    if rng.random() < 0.7:
        for one in CLASSES:
            for path in (folder / one).iterdir():
                path.unlink()
            (folder / one).rmdir()


def _empty(folder: Path, rng: random.Random) -> None:
    if rng.random() < 0.5:
        (folder / "empty").mkdir()
    else:
        for path in folder.glob("*/*"):
            path.unlink()


def _none_readable(folder: Path, rng: random.Random) -> None:
    for path in filter(Path.is_file, folder.glob("*/*.png")):
        path.write_bytes(rng.choice((b"", b"nothing", good_picture(0)[:40])))


def _odd_pictures(folder: Path, rng: random.Random) -> None:
    for number in range(rng.choice((1, 3))):
        _, suffix, content = odd_picture(rng)
        (folder / rng.choice(CLASSES) / f"odd{number}{suffix}").write_bytes(content)


def _folder_for_picture(folder: Path, rng: random.Random) -> None:
    (folder / CLASSES[0] / "folder.png").mkdir()


WAYS = {
    "odd class": _odd_class,
    "odd name": _odd_name,
    "pipe": _pipe,
    "device": _device,
    "links": _links,
    "deep": _deep,
    "unreadable": _unreadable,
    "splits": _split,
    "empty": _empty,
    "none readable": _none_readable,
    "odd pictures": _odd_pictures,
    "folder for a picture": _folder_for_picture,
}
