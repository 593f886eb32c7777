"""Every generator of inputs by name: a format, or a kind of file."""

from __future__ import annotations

from tests.faults.archives import odd_archive
from tests.faults.arrays import odd_array, odd_labels, odd_published
from tests.faults.folders import odd_folder, odd_path
from tests.faults.harness import Generator
from tests.faults.options import odd_option
from tests.faults.own_files import OWN_FILES
from tests.faults.parquets import odd_parquet
from tests.faults.pictures import exif_picture, labeled_picture, predicted_picture, probed_picture
from tests.faults.places import full_output, odd_place
from tests.faults.studies import odd_setting, odd_study
from tests.faults.tables import odd_factors, odd_table

GENERATORS: dict[str, Generator] = {
    "pictures": probed_picture,
    "exif": exif_picture,
    "pictures-of-tables": labeled_picture,
    "predict": predicted_picture,
    "archives": odd_archive,
    "parquet": odd_parquet,
    "arrays": odd_array,
    "labels": odd_labels,
    "published": odd_published,
    "tables": odd_table,
    "factors": odd_factors,
    "folders": odd_folder,
    "paths": odd_path,
    "studies": odd_study,
    "settings": odd_setting,
    "options": odd_option,
    "full output": full_output,
    "places": odd_place,
    **OWN_FILES,
}
