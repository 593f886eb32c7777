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

Each message is one line: where, what was found, what is allowed, what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from unicodedata import category

MOST_LETTERS = 2000  # of a message
MOST_QUOTED = 80  # of a value in it


class PapilioError(Exception):
    """The root: catch this to catch whatever Papilio itself has to complain about."""

    exit_status = 1

    def __str__(self) -> str:
        """The message in one line, whatever names and values it quotes; the middle of a very long one is left out."""
        text = printable(super().__str__())
        return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 500]} ... {text[-500:]}"


class RequestError(PapilioError):
    """What was asked for is wrong; nothing was done."""

    exit_status = 2


class StudyError(RequestError):
    """A study file has an unknown key, a value out of range, or asks for the impossible."""


class SettingError(RequestError):
    """An argument of a builder, an objective, an optimiser or a schedule is out of range."""


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


def printable(text: str) -> str:
    r"""A text with its line breaks, control characters and undecodable bytes written as escapes.

    >>> printable("two\nlines of caf\udce9")
    'two\\nlines of caf\\udce9'
    """
    if text.isprintable():
        return text
    # of what Python holds for unprintable, spaces of other widths are part of many a name
    return "".join(
        one if one.isprintable() or category(one) == "Zs" else one.encode("unicode_escape").decode() for one in text
    )


def quoted(value: str) -> str:
    """A value in quotes, for a message; only the beginning of a long one.

    >>> quoted("ten"), len(quoted("9" * 5000))
    ("'ten'", 105)
    """
    if len(value) <= MOST_QUOTED:
        return repr(value)
    return f"{value[:MOST_QUOTED]!r}... ({len(value):,} characters)"


def one_reason(error: Exception) -> str:
    """What an error says, in one line; of the operating system's only what went wrong."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__


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
