"""A trained run as a folder of files: checked first, then written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.numpy import save as safetensors_bytes

from papilio.errors import PapilioError, SettingError
from papilio.exports.card import card
from papilio.exports.checking import Checked, check, own_images, pictures_to_check
from papilio.exports.onnx_files import metadata_of, onnx_file, refuse_missing_packages
from papilio.exports.programs import programs_of
from papilio.files import open_atomic
from papilio.results.reading import read_results
from papilio.results.results import StudyResults
from papilio.runs.arrays import load_arrays
from papilio.runs.folder import RunFolder
from papilio.runs.run import Run
from papilio.study_folder import is_study_folder

WEIGHTS, CARD = "model.safetensors", "card.md"


def export_run(run: Run, folder: Path, *, is_fresh: bool = False) -> tuple[list[Path], Checked]:
    """Write a run's programs, weights and card into a folder: the files' paths, and how they were checked.

    Nothing is written before all programs agree with the run. Raises RunError for a run that cannot be exported or whose
    programs differ from it, RequestError where packages are missing, and SettingError for files that are there, unless
    `is_fresh`.
    """
    refuse_missing_packages()
    _refuse_those_there(folder, [WEIGHTS, CARD, "model.onnx", "decoder.onnx"], is_fresh=is_fresh)
    programs, results = programs_of(run), _study_of(run)
    about = metadata_of(run, title=results.title if results is not None else "")
    images = own_images(run)
    pictures, what = pictures_to_check(run, images)
    files: dict[str, bytes] = {}
    checked = Checked(what, {})
    for program in programs:
        files[program.file] = onnx_file(program, about)
        for name, difference in check(run, program, files[program.file], pictures).items():
            checked.differences[f"{program.file}: {name}"] = difference
    files[WEIGHTS] = _weights(run, about)
    names = [*files, CARD]
    files[CARD] = card(run, programs, checked, results=results, images=images, files=names).encode()
    for name, content in files.items():
        with open_atomic(folder / name) as file:
            file.write(content)
    return [folder / name for name in files], checked


def _refuse_those_there(folder: Path, names: list[str], *, is_fresh: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"{folder}: is a file; --out names a folder")
    there = next((folder / name for name in names if (folder / name).exists()), None)
    if there is not None and not is_fresh:
        raise SettingError(f"{there}: already exists; choose another --out, or --fresh to replace it")


def _study_of(run: Run) -> StudyResults | None:
    """The study in whose folder a run lies; None where it lies in none that can be read."""
    folder = run.folder.resolve().parent.parent
    if run.folder.resolve().parent.name != "runs" or not is_study_folder(folder):
        return None
    try:
        return read_results(folder)
    except PapilioError:
        return None


def _weights(run: Run, about: Mapping[str, str]) -> bytes:
    """The weights as one safetensors file, by the names of the parameters; of several nets behind the net's name."""
    arrays, _ = load_arrays(RunFolder(run.folder).weights_file)
    names = list(run.nets.names)
    plain = {
        name.removeprefix(f"{names[0]}/") if len(names) == 1 else name.replace("/", ".", 1): array
        for name, array in arrays.items()
    }
    # one key: safetensors writes several in any order, and equal files would differ
    return safetensors_bytes(plain, metadata={"papilio": json.dumps(dict(about), ensure_ascii=False)})
