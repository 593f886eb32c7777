"""Files that are whole or not there: atomic writes, checksums, locks.

Every file that Papilio leaves goes through `open_atomic`: it is written next to its place, flushed to the disk, and moved
there in one step, so that a kill at any moment leaves the old file or the new one, never half of one.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
import tempfile
import threading
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

from papilio.errors import BusyError, PapilioError, StorageError, perhaps, reason_of

PART = ".part"
_ONE_AT_A_TIME = threading.Lock()
OF_UNFINISHED = "????????"  # the letters that tell unfinished files of one name apart
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
MOST_OWN_BYTES = 2**28  # of a file of text or JSON that Papilio wrote
MOST_OF_A_NAME, MOST_OF_A_PATH = 255, 4095  # bytes, as Linux and others have it
# a pipe that nobody writes to would be waited for; Windows has no such flag, and needs another
WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@contextlib.contextmanager
def open_atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file for writing that takes its place only when the block ends without an error.

    Until then it lies next to it, at the file's `name`.

    Raises StorageError, with the path and the remedy, when the disk is full, the folder cannot be written, or the path is a
    device, which a file would take the place of.
    """
    path = Path(path)
    with storage_errors(path):
        _refuse_device(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PART)
        os.close(handle)
        try:
            with Path(temporary).open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            # mkstemp makes files that only their owner can read
            Path(temporary).chmod(0o666 & ~_umask())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def possible_path(text: Path | str, *, error: type[PapilioError]) -> Path:
    """A path as a user gave it; raises `error` for one that no file can have, as nearly every use of it would raise its own."""
    where = str(text)
    try:
        names = [os.fsencode(part) for part in Path(text).parts]
    except UnicodeEncodeError:
        raise error(f"{where}: contains characters that a path cannot contain; choose another name") from None
    if "\0" in where:
        raise error(f"{where}: contains a NUL character, which a path cannot contain; choose another name")
    longest = max(map(len, names), default=0)
    if longest > MOST_OF_A_NAME or sum(map(len, names)) + len(names) > MOST_OF_A_PATH:
        raise error(
            f"{where}: is too long (a name in it has {longest} bytes); allowed are {MOST_OF_A_NAME} for a name, and"
            f" {MOST_OF_A_PATH} for a path"
        )
    return Path(text)


def expanded_path(text: Path | str, *, error: type[PapilioError]) -> Path:
    """A path as a user gave it, `~` and `~user` expanded; raises `error` where that is not possible."""
    path = possible_path(text, error=error)
    try:
        return path.expanduser()
    except RuntimeError:
        raise error(f"{text}: no home folder for {path.parts[0]}; write the path in full") from None


def path_to_write(text: Path | str, *, error: type[PapilioError]) -> Path:
    """A path that a user gave to write to, `~` and `~user` expanded.

    Raises `error` for one that no file can have, and for one that is not valid UTF-8: what is written there contains its name.
    """
    try:
        str(text).encode()
    except UnicodeEncodeError:
        raise error(f"{text}: contains characters that cannot be encoded as UTF-8; choose another --out") from None
    return expanded_path(text, error=error)


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading; raises OSError for whatever is none: a folder, a pipe to wait at, a device without an end."""
    try:
        handle = os.open(path, os.O_RDONLY | WITHOUT_WAITING)
    except ValueError as error:  # NUL in a name
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(handle, "rb")


def open_to_append(path: Path) -> IO[bytes]:
    """Open a file to add to it and to read it, made where there is none; raises OSError for whatever is no file."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | WITHOUT_WAITING, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(handle, "a+b")


def _refuse_device(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise OSError(errno.EINVAL, "a device", str(path))


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's complaints about writing `path` into one line that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL_DISK:
            raise StorageError(
                f"{path}: the disk is full; free some space and run the same command again; finished work is kept"
            ) from error
        raise StorageError(f"{path}: cannot be written ({reason_of(error)}); choose another folder") from error


def read_own(path: Path, *, most_bytes: int = MOST_OWN_BYTES) -> bytes:
    """The bytes of a file of text or JSON that Papilio wrote.

    Raises FileNotFoundError where there is none, and OSError with a reason where what lies there is no regular file (a pipe
    would be waited for without end), is larger than `most_bytes`, or cannot be read.
    """
    with open_regular(path) as file:
        num_bytes = os.fstat(file.fileno()).st_size
        if num_bytes > most_bytes:
            raise OSError(errno.EFBIG, f"it has {num_bytes:,} bytes, allowed are {most_bytes:,}", str(path))
        return file.read()


def remove_own(path: Path) -> None:
    """Remove a file of ours, which may be gone; raises StorageError where that is not possible, as of a folder in its place."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path}: is damaged, and cannot be removed ({reason_of(error)}); remove it, and run the same command again"
        ) from error


def full_path(path: Path) -> Path:
    """The absolute path without links; unlike `Path.resolve` of links that lead in a circle, too."""
    return Path(os.path.realpath(path))


def perhaps_beside(path: Path, pattern: str = "*/") -> str:
    """The end of a message about a path that does not exist: what lies next to it under the nearest name, if one is near.

    `pattern` says what may be meant; as it stands, folders. Names alone are compared: paths of one folder are all alike.
    """
    try:
        near = perhaps(path.name, [one.name for one in path.parent.glob(pattern)])
    except (OSError, ValueError):
        return ""
    start, _, name = near.partition("did you mean ")
    return f"{start}did you mean {path.with_name(name.removesuffix('?'))}?" if near else ""


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with open_atomic(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, indented, NaN and infinities refused (they are not JSON)."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def checksum(path: Path, algorithm: str = "sha256") -> str:
    """The hex digest of a file's bytes, read in pieces; raises OSError for what is no file."""
    with open_regular(Path(path)) as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


@contextlib.contextmanager
def locked(path: Path, *, busy: str, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the lock file `path` while the block runs.

    Raises BusyError with the message `busy` when another process still holds it after `wait_seconds`. The lock goes with
    its process: one that was killed leaves no lock behind. Where the block ends with an error and has left nothing else in
    folders that were made for the lock, file and folders are removed.
    """
    import filelock

    with storage_errors(path):
        made = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        is_first = not any(path.parent.iterdir())
        lock = filelock.FileLock(path, timeout=wait_seconds)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise BusyError(busy) from error
    try:
        yield
    except BaseException:
        if is_first and [one.name for one in path.parent.iterdir()] == [path.name]:
            _remove_lock(path, made)
        raise
    finally:
        lock.release()


def _remove_lock(path: Path, folders: list[Path]) -> None:
    """Remove a lock file, still held, and the folders that were made for it, innermost first, as far as they are empty."""
    with contextlib.suppress(OSError):
        path.unlink()
        for folder in folders:
            folder.rmdir()


def _umask() -> int:
    """What files of this process are not to be: it can only be read by setting it, for which threads take turns."""
    with _ONE_AT_A_TIME:
        mask = os.umask(0)
        os.umask(mask)
    return mask


def without_places(text: str) -> str:
    """Text in which of full paths only the last parts are left: where a folder lies on a machine is nobody else's business.

    In a path outside the home folder, what follows a space stays.

    >>> without_places("papilio run /mnt/ada/nets/clock.toml --out /tmp/clock"), without_places("1/2 of https://a.org/b/c")
    ('papilio run clock.toml --out clock', '1/2 of https://a.org/b/c')
    """
    home = os.environ.get("HOME", "").rstrip(os.sep)
    text = text.replace(f"{home}{os.sep}", f"~{os.sep}") if home else text
    return re.sub(r"(?<![\w/:.~-])(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\'\":;,()]+[/\\])*([^\s/\\'\":;,()]+)", r"\1", text)
