"""Fetching the files of named sets, mirror after mirror, each file checked before it takes its place."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from papilio.data.places import cache_folder, has_file
from papilio.data.progress import Progress
from papilio.data.published import PUBLISHED, PublishedFile
from papilio.errors import DownloadError
from papilio.files import FULL_DISK, storage_errors

TIMEOUT_SECONDS = 30
CHUNK_BYTES = 2**16


def download_set(name: str, progress: Progress | None = None) -> Path:
    """Fetch what is missing of a named set into the cache folder, and return that folder.

    `progress` is called with the bytes that are there, all bytes (0: not known) and the file's name. Raises
    DownloadError, in one line, with the addresses tried and the folder to put the file into by hand; StorageError
    when the disk is full.
    """
    folder = cache_folder() / name
    for file in PUBLISHED[name].files:
        if not has_file(folder, file):
            _download(file, folder, progress)
    return folder


def _download(file: PublishedFile, folder: Path, progress: Progress | None) -> None:
    failures: list[str] = []
    for url in file.urls:
        failure = _try_url(url, file, folder, progress)
        if failure is None:
            return
        failures.append(f"{url}: {failure}")
    raise DownloadError(
        f"{file.name} could not be downloaded ({'; '.join(failures)}); try again later,"
        f" or download it another way and put it into {folder}"
    )


def _try_url(url: str, file: PublishedFile, folder: Path, progress: Progress | None) -> str | None:
    """Fetch one file from one address; the reason where it failed."""
    import pooch

    # pooch tells on its own logger what progress tells here
    pooch.get_logger().setLevel(logging.WARNING)
    # pooch's annotations are narrower than what it takes and documents
    bar: Any = _Progress(progress, file.name) if progress else False
    downloader: Any = pooch.HTTPDownloader(
        progressbar=bar,
        chunk_size=CHUNK_BYTES,
        timeout=TIMEOUT_SECONDS,
        # a server that declares a .gz file an encoding would have it unpacked on the way
        headers={"Accept-Encoding": "identity"},
    )
    with storage_errors(folder / file.name):
        try:
            pooch.retrieve(url, known_hash=file.checksum, fname=file.name, path=folder, downloader=downloader)
        except (OSError, ValueError) as error:
            # requests' errors are OSErrors too; a wrong checksum is pooch's ValueError
            if isinstance(error, PermissionError) or getattr(error, "errno", None) in FULL_DISK:
                raise
            return _reason(error, file)
    return None


def _reason(error: Exception, file: PublishedFile) -> str:
    if isinstance(error, ValueError) and "hash" in str(error):
        return f"the downloaded file does not match the published checksum {file.checksum}"
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"HTTP status {status}" if status is not None else type(error).__name__


class _Progress:
    """What pooch takes for a progress bar, told to a function."""

    def __init__(self, progress: Progress, what: str) -> None:
        self.progress = progress
        self.what = what
        self.total = 0
        self.done = 0

    def update(self, num_bytes: int) -> None:
        # pooch counts whole chunks, the last one too
        self.done = min(self.done + num_bytes, self.total) if self.total else self.done + num_bytes
        self.progress(self.done, self.total, self.what)

    def reset(self) -> None:
        """pooch sets the bar back to tell that it is full: nothing to tell here."""
        self.done = 0

    def close(self) -> None:
        """pooch closes the bar: nothing is open here."""
