"""The commands about trained runs: `papilio predict`, `papilio sample`, `papilio export`, `papilio explore`."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from papilio.console import CsvForm, Form, JsonForm, LinesForm, TableForm, say
from papilio.errors import DataError, SettingError, agreed, one_line

STANDARD_INPUT = "-"
FEW_IMAGES = 200  # for which one thread is enough
MOST_NAMED = 3  # pictures that a hint names
MADE = "predicted"  # the folder for pictures that a run makes, where nobody names one

RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="The folder of a run, DIR/runs/NAME; that of a study, for its best run; or clock."
    ),
]


QuietOption = Annotated[bool, typer.Option("--quiet", help="Print only what was asked for, and errors.")]


class Written(StrEnum):
    """How answers are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff")
SUFFIXES = {
    ".txt": Written.TABLE,
    ".csv": Written.CSV,
    ".json": Written.JSON,
    ".jsonl": Written.JSONL,
    ".ndjson": Written.JSONL,
}


def predict(
    run: RunArgument,
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...",
            help="Pictures of any size and format; folders of them; - for names on standard input, one per line.",
        ),
    ],
    form: Annotated[
        Written | None,
        typer.Option(
            "--format",
            help="Output format: a table for reading, or all fields as CSV, JSON or JSON Lines.",
            show_default="table",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A .csv, .json, .jsonl or .txt file for the answers; or a folder for the pictures that the run makes.",
            show_default=f"standard output; pictures: {MADE}",
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Overwrite existing files.")] = False,
    invert: Annotated[bool, typer.Option("--invert", help="Invert the image first (swap light and dark).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Predict what pictures show (a class, a time or an angle), or reconstruct or denoise them."""
    from papilio.data.progress import reading_progress
    from papilio.offers.streams import answers
    from papilio.runs.run import load_run

    file, folder = _places(out, form, is_fresh=fresh)
    form = _chosen_form(form, file, as_json=as_json)
    known, groups = _groups(pictures)
    _on_one_thread(num=len(known))
    loaded = load_run(_place_of(run, "predict", is_quiet=quiet))
    is_for_people = form is Written.TABLE and file is None
    with _output(file) as write:
        written = _form(form, loaded, [str(one) for one in known])
        telling = _Telling(
            written, write, folder or (Path(MADE) if is_for_people else None), is_named=bool(folder), is_fresh=fresh
        )
        progress = None if quiet else reading_progress()
        told = answers(loaded, groups, is_inverted=invert, total=len(known), progress=progress)
        for some in told:
            telling.tell(some)
        telling.end(shows_paths=is_for_people and not quiet, shows_hints=not quiet, is_in_file=file is not None)
    if file is not None and not quiet:
        say(f"{file}: {telling.num_answered:,} answer{'s' * (telling.num_answered != 1)}")
    if telling.num_broken:
        raise typer.Exit(1)


def sample(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="The folder of a run, DIR/runs/NAME, or that of a study, for its best run."),
    ],
    num: Annotated[int, typer.Option(help="Number of images.")] = 64,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    label: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", help="Generate images of this class (conditional runs only)."),
    ] = None,
    out: Annotated[Path, typer.Option(help="A .png file, a folder, or a .npy file (one array of all images).")] = Path(
        "samples.png"
    ),
    separate: Annotated[bool, typer.Option("--separate", help="Also write each image to its own file.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Overwrite existing files.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Generate images with a trained run: a contact sheet, separate files, or an array."""
    _on_one_thread(num=num)
    from papilio.data.progress import reading_progress
    from papilio.workbench import MOST_ON_SHEET
    from papilio.workbench import sample as sample_images

    paths = sample_images(
        _place_of(run, "sample", is_quiet=quiet),
        out,
        num=num,
        seed=seed,
        label=label,
        is_separate=separate,
        is_fresh=fresh,
        progress=None if quiet else reading_progress(),
    )
    if quiet:
        return
    is_cut = num > MOST_ON_SHEET and separate
    what = f"{agreed(num, '{} image', '{} images')}{'' if label is None else f' of class {label}'}"
    say(f"{paths[0]}: {f'the first {MOST_ON_SHEET:,} of ' if is_cut else ''}{what}, seed {seed}")
    if len(paths) > 1:
        say(f"separate files: {paths[1]} to {paths[-1].name}")


def export(
    run: RunArgument,
    out: Annotated[Path, typer.Option(help="The folder for the files.")] = Path("exported"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Overwrite existing files.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Export a trained run: ONNX with preprocessing included, safetensors weights, and a model card."""
    from papilio.workbench import export as export_run

    paths, checked = export_run(_place_of(run, is_quiet=quiet), out, is_fresh=fresh)
    if quiet:
        return
    for path in paths:
        say(str(path))
    most = max(checked.differences.values())
    typer.echo(f"checked on {checked.what}: at most {most:.2g} off the run's own answers")


def explore(
    run: RunArgument,
    pictures: Annotated[
        list[Path] | None,
        typer.Option(
            "--pictures", metavar="PATH", help="Pictures of your own, or a folder of them, to put on the map."
        ),
    ] = None,
    classifier: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="A classifier that says what pictures show: a run, or a study's best one.",
            show_default="one that comes with Papilio, for MNIST and Fashion-MNIST",
        ),
    ] = None,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one HTML file that needs no server, and stop.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Overwrite the file if it exists.")] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, show_default="a free one", help="Port to serve on.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow a --host that other machines can reach.")
    ] = False,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Explore a trained run in the browser: a map of its images, and what lies between them."""
    from papilio.explorer.explore import LOOPBACK
    from papilio.explorer.explore import explore as explore_run

    if host not in LOOPBACK and not allow_remote:
        raise SettingError(
            f"--host {host}: everybody who can reach this address and has the page's token could then see the images and use"
            " the run, over a connection that is not encrypted; add --allow-remote if that is intended"
        )
    if export is not None:
        from papilio.explorer.export import export_page

        path, words = export_page(run, export, pictures=pictures or [], judge=classifier, is_fresh=fresh)
        say(f"{path}: {words}")
        return
    explore_run(
        run, pictures=pictures or [], judge=classifier, host=host, port=port or 0, opens_browser=browser, say=say
    )


def _on_one_thread(*, num: int) -> None:
    """Where a net is to look at, or to make, a few images only: its threads wait for each other longer than they work.

    What the user's environment says stays. It has to be said before torch is imported.
    """
    if num <= FEW_IMAGES and "torch" not in sys.modules:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")


def _form(form: Written, run: Any, names: list[str]) -> Form:
    """How answers are written; `names` are the pictures that will come, as far as they are known."""
    match form:
        case Written.TABLE:
            return TableForm(names)
        case Written.CSV:
            return CsvForm(partial(_about_a_black_picture, run))
        case Written.JSON:
            return JsonForm()
        case Written.JSONL:
            return LinesForm()


def _about_a_black_picture(run: Any) -> Any:
    import numpy as np

    return run.predict(np.zeros(run.image_shape, np.uint8))[0]


class _Telling:
    """Writes answers as they come; keeps what is said at the end."""

    def __init__(
        self,
        form: Form,
        write: Callable[[str], None],
        folder: Path | None,
        *,
        is_named: bool,
        is_fresh: bool,
    ) -> None:
        self.form = form
        self.write = write
        self.folder = folder
        self.is_named = is_named  # by the user
        self.is_fresh = is_fresh
        self.saved: list[Path] = []
        self.hints: dict[str, list[str]] = {}
        self.num_answered = 0
        self.num_broken = 0

    def tell(self, answers: Sequence[Any]) -> None:
        from papilio.workbench import save_pictures

        predictions = [one.prediction for one in answers if one.prediction is not None]
        if predictions and self.is_named and not hasattr(predictions[0], "picture_to_save"):
            raise SettingError(
                f"{self.folder}: this run makes no pictures to put into a folder; end --out in .csv, .json, .jsonl or .txt"
            )
        if self.folder is not None:
            self.saved += save_pictures(predictions, self.folder, taken=self.saved, is_fresh=self.is_fresh)
        if text := self.form.text(answers):
            self.write(text)
        for one in answers:
            self._keep(one)
        self.num_answered += len(predictions)

    def end(self, *, shows_paths: bool, shows_hints: bool, is_in_file: bool) -> None:
        """Raises Exit where nothing was answered: then no file is written, and standard output gets a form without answers."""
        if not self.num_answered and not self.num_broken:
            raise DataError("no names of pictures came on standard input; write them to it, one per line")
        if (self.num_answered or not is_in_file) and (text := self.form.end()):
            self.write(text)
        if not self.num_answered:
            raise typer.Exit(2)
        if shows_paths and self.saved:
            self._tell_paths()
        for hint, pictures in self.hints.items() if shows_hints else ():
            more = f" and {len(pictures) - MOST_NAMED:,} more" if len(pictures) > MOST_NAMED else ""
            typer.echo(one_line(f"{', '.join(pictures[:MOST_NAMED])}{more}: {hint}"), err=True)

    def _tell_paths(self) -> None:
        first, last = self.saved[0], self.saved[-1]
        if first == last:
            say(f"before and after: {first}")
        else:
            say(f"before and after: {len(self.saved):,} pictures in {first.parent}, {first.name} to {last.name}")

    def _keep(self, answer: Any) -> None:
        if answer.error:
            self.num_broken += 1
            typer.echo(f"papilio: {one_line(answer.error)}", err=True)
        elif hint := getattr(answer.prediction, "hint", None):  # predictions of the user's own kinds have none
            self.hints.setdefault(hint, []).append(answer.picture)


def _place_of(run: str, offer: str | None = None, *, is_quiet: bool) -> Path | str:
    """Where the run is; says which one of a study is taken, the best that has the `offer`, unless `is_quiet`."""
    from papilio.results.best import place_of_run

    place, note = place_of_run(run, offer=offer)
    if note is not None and not is_quiet:
        typer.echo(one_line(note), err=True)
    return place


def _places(out: Path | None, form: Written | None, *, is_fresh: bool) -> tuple[Path | None, Path | None]:
    """The file for answers or the folder for pictures that `--out` names; refuses a file that is there."""
    from papilio.files import path_to_write

    out = None if out is None else path_to_write(out, error=SettingError)
    is_file = out is not None and not out.is_dir() and (out.suffix.lower() in SUFFIXES or bool(form and out.suffix))
    if out is not None and not is_file and not out.is_dir() and out.suffix.lower() in PICTURES:
        raise SettingError(
            f"{out}: --out names a folder for pictures, or a file for answers that ends in .csv, .json, .jsonl or .txt"
        )
    if out is None or not is_file:
        return None, out
    if out.exists() and not is_fresh:
        raise SettingError(f"{out}: already exists; choose another --out, or --fresh to replace it")
    return out, None


def _chosen_form(form: Written | None, file: Path | None, *, as_json: bool) -> Written:
    """What `--format` asks for, or else what the file's name does."""
    if as_json and form not in (None, Written.JSON):
        raise SettingError(f"--json: --format is {form.value}; leave out one of them")
    named = SUFFIXES.get(file.suffix.lower()) if file is not None else None
    return Written.JSON if as_json else form or named or Written.TABLE


@contextlib.contextmanager
def _output(file: Path | None) -> Iterator[Callable[[str], None]]:
    """Where answers go: to standard output, or to a file, which is there when all of them are."""
    from papilio.data.progress import is_terminal, tell
    from papilio.files import open_atomic

    def echo(text: str) -> None:
        if is_terminal(sys.stderr):
            tell("\r\x1b[K", end="", file=sys.stderr)  # what tells of the progress makes room
        typer.echo(text, nl=False)

    if file is None:
        yield echo
        return
    with open_atomic(file) as stream:
        yield lambda text: stream.write(text.encode(errors="backslashreplace"))  # pyright: ignore[reportReturnType]


def _groups(names: list[str]) -> tuple[list[Any], Iterable[list[Any]]]:
    """The pictures that are known at once, none where some come on standard input, and all of them as they come."""
    from papilio.offers.streams import asked, lines_as_they_come

    def as_they_come() -> Iterator[list[Any]]:
        for is_input, some in itertools.groupby(names, key=STANDARD_INPUT.__eq__):
            if is_input:
                yield from map(asked, lines_as_they_come(sys.stdin.buffer))
            else:
                yield asked(some)

    if STANDARD_INPUT in names:
        return [], as_they_come()
    known = asked(names)
    return known, [known]
