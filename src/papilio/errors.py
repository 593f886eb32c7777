"""Every error that Papilio raises on purpose.

::

    PapilioError
    ├── RequestError        what was asked for is wrong: exit status 2
    │   ├── StudyError      a study file: an unknown key, a value out of range
    │   ├── SettingError    a plain argument of a builder, an objective, a schedule
    │   ├── DataError       an image set: unknown, missing, corrupt, of the wrong shape
    │   ├── RunError        a run or study folder that is not one, or cannot be used so
    │   └── BusyError       another process is at work on the same study
    └── WorkError           something failed on the way: exit status 1
        ├── DownloadError   a file could not be fetched or is not the published one
        ├── StorageError    the disk is full or cannot be written
        └── RunFailed       a run ended without a result

Each message is one line of moderate length, whatever names and values are in it: where, what was found, what is allowed, what
to do.
"""

from __future__ import annotations

import difflib
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

MOST_LETTERS = 900  # of a message
MOST_OF_A_VALUE = 100
MOST_OF_A_WORD = 320  # what has no space in it: a path, a value


class PapilioError(Exception):
    """The root: catch this to catch whatever Papilio itself has to complain about."""

    exit_status = 1

    def __init__(self, message: object = "") -> None:
        super().__init__(as_message(str(message)))

    def _render_traceback_(self) -> list[str]:
        """What a notebook (IPython) shows of it: the lines of the user's own code that asked for it, and the message.

        The message says what was wrong with the request; the way through Papilio, often a hundred lines, would hide it.
        `traceback.print_exception` prints all of it.
        """
        import traceback

        ours, installed = (
            str(Path(__file__).parent),
            (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"),
        )
        before = itertools.takewhile(
            lambda one: not one.filename.startswith(ours), traceback.extract_tb(self.__traceback__)
        )
        frames = [one for one in before if not any(part in one.filename for part in installed)]
        return [line.rstrip() for line in [*traceback.format_list(frames), f"{type(self).__name__}: {self}"]]


class RequestError(PapilioError):
    """What was asked for is wrong; nothing was done."""

    exit_status = 2


class StudyError(RequestError):
    """A study file has an unknown key, a value out of range, or asks for the impossible."""


class SettingError(RequestError):
    """An argument of a builder, an objective, an optimizer or a schedule is out of range."""


class DataError(RequestError):
    """An image set is unknown, missing, corrupt, or not of the shape that is asked for."""


class RunError(RequestError):
    """A folder is not a run or a study, or the run in it cannot be used in this way."""


class BusyError(RequestError):
    """Another process is at work on the same study."""


class WorkError(PapilioError):
    """Something failed while working; what was finished before is kept."""


class DownloadError(WorkError):
    """A file could not be fetched, or what came is not the published file."""


class StorageError(WorkError):
    """The disk is full, or a file cannot be written."""


class RunFailed(WorkError):
    """A run ended without a result."""


def one_line(text: str) -> str:
    r"""The text with every character that cannot be printed, a line break too, as Python writes it.

    >>> print(one_line("a\nb"))
    a\nb
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def as_message(text: str) -> str:
    """One line of moderate length; what is left out of long words, and of the whole, is in their middle."""
    words = [shortened(word, MOST_OF_A_WORD) for word in one_line(text).split(" ")]
    return shortened(" ".join(words), MOST_LETTERS)


def shortened(text: str, most: int) -> str:
    """The text, or where it has more letters than `most` its two ends.

    >>> shortened("abcdefghij", 5)
    'ab…ij'
    """
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def agreed(number: int, one: str, several: str) -> str:
    """Words that agree with a number, which stands at `{}`.

    >>> agreed(1, "{} file is", "{} files are"), agreed(1200, "{} file is", "{} files are")
    ('1 file is', '1,200 files are')
    """
    return (one if number == 1 else several).format(f"{number:,}")


def shown(value: object) -> str:
    """A value as Python writes it, in a message; of a long one the two ends."""
    return shortened(repr(value), MOST_OF_A_VALUE)


def reason_of(error: Exception) -> str:
    """What the operating system, or whoever raised the error, says of it in a few words."""
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(error) or type(error).__name__


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest allowed one, or all of them.

    >>> did_you_mean("lerning_rate", ["learning_rate", "epochs"])
    'did you mean learning_rate?'
    >>> did_you_mean("zebra", ["epochs", "batch_size"])
    'allowed are batch_size, epochs'
    """
    names = sorted(set(allowed))
    nearest = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    return f"did you mean {nearest[0]}?" if nearest else f"allowed are {', '.join(names)}"


def is_nearly(given: str, name: str) -> bool:
    """Whether a name is so near another that it may be a misspelling of it.

    >>> is_nearly("titel", "title"), is_nearly("units", "title")
    (True, False)
    """
    return bool(difflib.get_close_matches(given, [name], n=1, cutoff=0.6))


def perhaps(given: str, names: Iterable[str]) -> str:
    """The end of a message about a name that does not exist: the nearest that does, or nothing where none is near.

    >>> perhaps("gird.toml", ["grid.toml", "halving.toml"]), perhaps("zebra", ["grid.toml"])
    ('; did you mean grid.toml?', '')
    """
    nearest = difflib.get_close_matches(given, sorted(set(names)), n=1, cutoff=0.6)
    return f"; did you mean {nearest[0]}?" if nearest else ""
