"""Every generator of inputs by name: a format, or a kind of file."""

from __future__ import annotations

from tests.faults.harness import Generator
from tests.faults.pictures import exif_picture, labelled_picture, predicted_picture, probed_picture

GENERATORS: dict[str, Generator] = {
    "pictures": probed_picture,
    "tables-of-pictures": labelled_picture,
    "predict": predicted_picture,
    "exif": exif_picture,
}
