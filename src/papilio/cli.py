"""The command line: which commands there are, and what becomes of errors. What is heavy is imported where it is used."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from papilio import run_commands, study_commands
from papilio.data_commands import data_app
from papilio.errors import PapilioError, as_message, reason_of
from papilio.version import __version__

LEFT_UNREAD = 141  # the exit status of what a closed pipe ends, as shells count it
WORDS_OF_USAGE = (  # of click, and ours
    (r"\.? Did you mean", "; did you mean"),
    (r" \(Possible options: ([^)]*)\)", r"; did you mean \1?"),
    (r"Got unexpected extra argument\S* \((.*)\)", r"too many arguments: \1"),
    ("Value error, ", ""),
    ("Input should", "must"),
    (", unable to parse .*", ""),
)

UsageError: Any = typer.BadParameter.__base__  # of the click that typer works with, its own or an installed one

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(data_app, name="data")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"papilio {__version__}")
        raise typer.Exit


@app.callback()
def papilio(
    version: Annotated[
        bool, typer.Option("--version", help="Print Papilio's version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """The workbench for small image models: one study file in; trained models, tables, pictures and a report out."""


app.command()(study_commands.run)
app.command()(study_commands.report)
app.command()(study_commands.results)
app.command()(study_commands.compare)
app.command()(study_commands.studies)
app.command()(study_commands.new)
app.command()(study_commands.show)
app.command()(run_commands.predict)
app.command()(run_commands.sample)
app.command()(run_commands.export)
app.command()(run_commands.explore)


def main() -> None:
    """Run the command line; what Papilio or the operating system complains about becomes one line and an exit status."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # a name that is no text is printed with its bytes as escapes
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            # not standalone, so that it raises what it complains of: one line in place of four
            status = app(prog_name="papilio", standalone_mode=False)
        finally:
            sys.stdout.flush()  # here, where it can still be said that nobody has read it, or that the disk is full
    except PapilioError as error:
        _complain(str(error), status=error.exit_status)
    except UsageError as error:
        _complain_of_usage(error)
    except typer.Abort:  # at a question
        _complain("stopped; nothing was started", status=130)
    except BrokenPipeError:
        _leave_unread()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer makes a failure of it
            _leave_unread()
        raise
    except OSError as error:
        what = error.filename or "the output"
        _complain(f"{what}: cannot be read or written ({reason_of(error)})", status=1)
    except (MemoryError, ImportError) as error:
        if not _is_short_of_memory(error):
            raise
        _complain(
            f"not enough memory ({reason_of(error)}); close other programs, or allow Papilio more memory", status=1
        )

    sys.exit(status if isinstance(status, int) else 0)


def _complain_of_usage(error: Any) -> NoReturn:
    """About options and arguments, in a line; what was given nothing at all gets the help, as it asks for."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        sys.exit(error.exit_code)
    text = " ".join(error.format_message().split()).rstrip(".")
    for theirs, ours in WORDS_OF_USAGE:
        text = re.sub(theirs, ours, text)
    command = error.ctx.command_path if error.ctx is not None else "papilio"
    text += f" See {command} --help" if text.endswith("?") else f"; see {command} --help"
    _complain(f"{text[:1].lower()}{text[1:]}", status=error.exit_code)


def _complain(text: str, *, status: int) -> NoReturn:
    typer.echo(f"papilio: {as_message(text)}", err=True)
    if sys.stdout is sys.__stdout__:
        _drop_output()
    sys.exit(status)


def _leave_unread() -> NoReturn:
    """End quietly: the reader of the output has closed it, as head does."""
    _drop_output()
    sys.exit(LEFT_UNREAD)


def _drop_output() -> None:
    """Discard what is still to be written, without an error."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # pyright: ignore[reportOptionalMemberAccess]


def _is_short_of_memory(error: Exception) -> bool:
    """Whether it is that, and not a library that is missing or broken."""
    signs = ("cannot allocate memory", "failed to map segment", "not enough memory")
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in signs)


def _open_closed_streams() -> None:
    """Standard streams that were closed lead nowhere: files that are opened later do not take their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 (it stays open)
