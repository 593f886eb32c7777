"""The commands `papilio data ...`: the image sets."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from papilio.console import print_json, print_table, say, words
from papilio.errors import RequestError

OPTIONS = ("labels", "period", "size", "bits")  # of these commands, called as settings of a study's [data]
MAX_ITEMS = 20  # files or images that a finding lists

data_app = typer.Typer(help="List, inspect, check, download and render image sets.", no_args_is_help=True)


class Unreadable(StrEnum):
    """What becomes of pictures that cannot be read."""

    ERROR = "error"
    SKIP = "skip"


SetArgument = Annotated[str, typer.Argument(metavar="SET", help="A named image set, or a path to pictures.")]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="A .npy file of labels for a .npy file of images, or a table of classes or values (labels.csv) for a folder;"
        ' "none" ignores the labels.',
    ),
]
PeriodOption = Annotated[
    float | None, typer.Option(help="Labels are numbers on a circle with this period: 360 for degrees.")
]
BitsOption = Annotated[int | None, typer.Option(help="Number of bits that 16-bit pictures or arrays use, such as 12.")]
SizeOption = Annotated[int | None, typer.Option(help="Resize pictures to this many pixels, height and width.")]


def with_options(text: str, options: Sequence[str] = OPTIONS) -> str:
    """Text in which settings of a study's [data] are named as options of these commands.

    >>> with_options('set one size: size = 16, or labels = "none"')
    'set one size: --size 16, or --labels none'
    """
    return re.sub(rf'\b({"|".join(options)}) = ("?)([\w.]+)\2', r"--\1 \3", text)


@contextlib.contextmanager
def _naming_options(*others: str) -> Iterator[None]:
    """Complaints in the block name options in place of settings: those of all these commands, and `others`."""
    try:
        yield
    except RequestError as error:
        raise type(error)(with_options(str(error), (*OPTIONS, *others))) from error


@data_app.command("list")
def data_list() -> None:
    """List the named image sets and where each local one is stored."""
    from papilio.data.catalogue import list_sets

    rows = []
    for one in list_sets():
        channel, height, width = one.image_shape
        shape = f"{height}×{width} {'gray' if channel == 1 else 'RGB'}"
        rows.append([one.name, f"{one.num_images:,}", one.shows, shape, one.where, one.license])
    print_table(["set", "images", "labels", "shape", "where", "license"], rows)
    typer.echo("papilio data fetch SET downloads a set; commands also accept a path to your own pictures")


@data_app.command("fetch")
def data_fetch(name: Annotated[str, typer.Argument(metavar="SET", help="A named image set.")]) -> None:
    """Download a named image set into the cache, verify it, and print its path."""
    from papilio.data.catalogue import fetch
    from papilio.data.progress import reading_progress

    say(str(fetch(name, progress=reading_progress())))


@data_app.command("info")
def data_info(
    name: SetArgument,
    labels: LabelsOption = None,
    period: PeriodOption = None,
    size: SizeOption = None,
    bits: BitsOption = None,
    unreadable: Annotated[
        Unreadable, typer.Option(help="Pictures that cannot be read: error refuses them all, skip leaves them out.")
    ] = Unreadable.ERROR,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print an image set's shape, classes, splits and origin."""
    from papilio.data.catalogue import describe
    from papilio.data.load import load_images
    from papilio.data.progress import reading_progress

    with _naming_options("unreadable"):
        images = load_images(
            name,
            labels=labels,
            period=period,
            size=size,
            bits=bits,
            unreadable="skip" if unreadable is Unreadable.SKIP else "error",
            progress=reading_progress(),
        )
    facts = describe(images)
    if as_json:
        print_json(facts)
        return
    shape = ", ".join(map(str, facts["image_shape"]))
    shown = facts | {"image_shape": f"{shape} (channel, height, width)"}
    for key, value in shown.items():
        if key != "classes":
            name = "pixel standard deviation" if key == "pixel_deviation" else key.replace("_", " ")
            say(with_options(f"{name:<24} {words(value)}"))
    if not facts["classes"]:
        return
    splits = list(facts["splits"])
    rows = [[name, *(f"{counts[split]:,}" for split in splits)] for name, counts in facts["classes"].items()]
    print_table(["class", *splits], rows)


@data_app.command("render")
def data_render(
    name: Annotated[
        str,
        typer.Argument(metavar="SET", help="A set that Papilio renders: clocks, gauges, butterflies or brush-kanji."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Output folder; files of an earlier rendering are replaced.")
    ],
    num: Annotated[
        int | None,
        typer.Option(
            help="Number of pictures (default 18000; butterflies 12000, brush-kanji 22000); clocks: as many of each minute."
        ),
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Side of a picture in pixels (default 150; butterflies and brush-kanji 64).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    variety: Annotated[
        str,
        typer.Option(
            help="plain: one kind; varied: many kinds; clocks also: mixed (half and half), aside (for evaluation);"
            " butterflies: plain, correlated (hue with wing width); brush-kanji: plain (light on dark), paper."
        ),
    ] = "plain",
    color: Annotated[str | None, typer.Option(help="gray or rgb (default: butterflies rgb, others gray).")] = None,
) -> None:
    """Render an image set: images.npy, labels.npy, factors.csv (butterflies only), and a contact sheet."""
    from papilio.data.progress import reading_progress
    from papilio.data.rendering.renderers import settings_of
    from papilio.data.rendering.sets import render_set

    given = {"num": num, "size": size, "seed": seed, "variety": variety, "color": color}
    settings = settings_of(name, {key: value for key, value in given.items() if value is not None})
    say(str(render_set(name, out, settings, progress=reading_progress())))


@data_app.command("check")
def data_check(
    name: SetArgument,
    labels: LabelsOption = None,
    period: PeriodOption = None,
    size: SizeOption = None,
    bits: BitsOption = None,
) -> None:
    """Look for duplicates, leaks between splits, unreadable pictures, imbalance; exit status 1 where something is wrong."""
    from papilio.data.check import check_images
    from papilio.data.progress import reading_progress

    with _naming_options():
        findings = check_images(name, labels=labels, period=period, size=size, bits=bits, progress=reading_progress())
    for finding in findings:
        say(f"{finding.severity:<8} {with_options(finding.message)}")
        for item in finding.items[:MAX_ITEMS] if finding.severity != "ok" else ():
            say(f"         {item}")
        if len(finding.items) > MAX_ITEMS and finding.severity != "ok":
            typer.echo(f"         and {len(finding.items) - MAX_ITEMS:,} more")
    raise typer.Exit(1 if any(finding.severity == "error" for finding in findings) else 0)
