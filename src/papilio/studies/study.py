"""The study file: how it is read, changed from the command line and written back."""

from __future__ import annotations

import contextlib
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from papilio.data.facts import NO_LABELS
from papilio.data.handed_over import with_kept_arrays
from papilio.errors import SettingError, StudyError, did_you_mean, reason_of, shown
from papilio.files import expanded_path, full_path, perhaps_beside, possible_path, read_own
from papilio.kinds.kind import Kind, name_of_kind
from papilio.settings.references import find_modules_beside, is_found_by_name, name_of, own_names
from papilio.settings.run_settings import is_source
from papilio.settings.spelling import present_key, study_in_present_spelling
from papilio.settings.validation import validated
from papilio.studies.replaced_family import drop_old_arguments, tables_in
from papilio.studies.schema import BASE_TABLES, StudySettings, Table
from papilio.study_folder import recorded_modules

# where functions and classes of the user's own may stand
ARRAY_KEYS = ("images", "labels")  # of [data]
OWN_KEYS = (".model.family", ".train.loss", ".train.objective", ".train.engine")
MOST_BYTES = 2**21  # of a study file
DEEPEST = 32  # tables and lists within each other
# what other images take the place of: the other way to name them, and what goes with it
SOURCES = {"data.path": ("name", "render"), "data.name": ("path", "labels", "period", "unit", "bits")}
LARGEST = 2**63 - 1  # whole numbers, as TOML has them


@dataclass(frozen=True)
class Study:
    """A checked study: its name, where it was read, its settings, and the functions and kinds that Python passed.

    `there` has the names of the runs that its folder has, as far as that is looked at: what has begun stays what it is.
    """

    name: str
    where: str
    settings: StudySettings
    own: dict[str, Any]
    there: frozenset[str] = frozenset()
    modules: str | None = None  # the folder of its file, where that has modules which the study names
    notes: tuple[str, ...] = ()  # what there is to say of how it was read, a line each

    @property
    def has_own_code(self) -> bool:
        """Whether it may bring functions of the user's own: passed from Python, or named in its tables."""
        return bool(self.own) or any(own_names(self.settings.model_dump(exclude_none=True, mode="json")))

    def to_toml(self) -> str:
        """The study as a file again: reading it gives an equal one."""
        tables = self.settings.model_dump(exclude_none=True, by_alias=True, mode="json")
        varied = iter([stage.pop("vary") for stage in tables["stage"]])
        lines = tomli_w.dumps({**tables, "stage": [{**stage, "vary": {}} for stage in tables["stage"]]}).splitlines()
        remarks = "".join(f"# {note}\n" for note in self.unrepeatable())
        return remarks + "".join(f"{line}\n{_varied(next(varied)) if line == '[stage.vary]' else ''}" for line in lines)

    def unrepeatable(self) -> list[str]:
        """What of the study its file alone cannot bring back, a line each: functions and classes that no module has."""
        return [
            f"{name} was passed from Python and is not in a module (but, for example, in a notebook or script), so this study"
            " cannot be rerun from its file alone; put it into a module next to the study file"
            for name, handed_over in self.own.items()
            if not is_found_by_name(name, handed_over)
        ]


def as_toml(value: Any) -> str:
    """A value on one line, as it stands behind a key.

    >>> as_toml({"low": 0.1, "when": {"model.head": ["mean", True]}})
    '{ low = 0.1, when = { "model.head" = ["mean", true] } }'
    """
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(name)} = {as_toml(one)}" for name, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_toml, value))}]"
    return tomli_w.dumps({"value": value}).partition(" = ")[2].strip()


def _key(name: str) -> str:
    return tomli_w.dumps({name: 0}).rpartition(" = ")[0]


def _varied(vary: Mapping[str, Any]) -> str:
    """A table [stage.vary] in its own order, on which it depends what a sampler draws: ranges in line, not behind lists."""
    return "".join(f"{_key(key)} = {as_toml(value)}\n" for key, value in vary.items())


def load_study(source: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Study:
    """A study from a file, a bundled name, or a dictionary of the same tables; `overrides` are dotted keys.

    In a dictionary, functions may stand where a file has `module:function`. Raises StudyError with one line.
    """
    own: dict[str, Any] = {}
    modules = None
    if isinstance(source, Mapping):
        name, where, tables = "study", "the study", _with_arrays_as_files(source)
    else:
        name, where, tables = _read_file(source)
    tables = plain_tables(tables, own, where=where)
    overrides = {present_key(key): value for key, value in (overrides or {}).items()}
    try:
        tables = study_in_present_spelling(tables)
    except ValueError as error:
        raise StudyError(f"{where}: {error}") from None
    written, tables = tables, plain_tables(_with_overrides(tables, overrides, where=where), own, where=where)
    if not isinstance(source, Mapping):
        modules = _modules_beside(source, tables, where=where)
    notes: list[str] = []
    if "model.family" in overrides:
        kept = {key.split(".")[1] for key in overrides if key.startswith("model.")}
        notes = drop_old_arguments(written, tables, kept=kept, own=own)
    settings: StudySettings = validated(StudySettings, tables, where=where)
    if isinstance(source, Mapping):
        name = slug(settings.title)[:60]
    return Study(name, where, settings, own, modules=modules, notes=tuple(notes))


def _modules_beside(source: str | Path, tables: Table, *, where: str) -> str | None:
    """Where the modules lie that a study names: next to its file, or, of the copy that a study's folder has, next to the file
    that was run; None where it names none."""
    path = possible_path(source, error=StudyError)
    if not path.is_file():
        return None
    folder = path.resolve().parent
    try:
        places, names = (folder, recorded_modules(folder)), list(own_names(tables))
        return next((str(one) for one in places if one is not None and find_modules_beside(one, names)), None)
    except SettingError as error:
        raise StudyError(f"{where}: {error}") from error


def _with_arrays_as_files(tables: Mapping[str, Any]) -> Table:
    """The same tables, whose [data], of the study and of its stages, names files in place of arrays."""
    tables = dict(tables)
    if isinstance(tables.get("data"), Mapping):
        tables["data"] = with_kept_arrays(tables["data"])
    if isinstance(stages := tables.get("stage"), list | tuple):
        tables["stage"] = [_with_arrays_as_files(one) if isinstance(one, Mapping) else one for one in stages]
    return tables


def bundled_studies() -> dict[str, str]:
    """The text of every study that comes with Papilio, by name."""
    folder = resources.files("papilio") / "recipes"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): file.read_text(encoding="utf-8") for file in files}


def parse_toml(text: str, *, where: str) -> Table:
    """Raises StudyError, saying the line, where the text is not TOML, and for tables or lists nested beyond `DEEPEST`."""
    try:
        tables = tomllib.loads(text)
    except RecursionError:
        raise StudyError(f"{where}: {_too_deep()}") from None
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{where}: not TOML: {error}") from None
    except ValueError:  # Python reads no number of thousands of digits
        raise StudyError(f"{where}: {_too_large()}") from None
    _refuse_deep(tables, where=where)
    return tables


def read_toml(path: Path) -> Table:
    """The tables of a study file; raises StudyError where it is missing, or no text, or not TOML."""
    try:
        text = read_own(path, most_bytes=MOST_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file{perhaps_beside(path, '*.toml')}") from None
    except (UnicodeDecodeError, OSError) as error:
        raise StudyError(f"{path}: not a readable text file ({reason_of(error)})") from None
    return parse_toml(text, where=str(path))


def slug(text: str) -> str:
    """Lower-case letters, digits and dashes: for names of files.

    >>> slug("Dropout rate: 0.3")
    'dropout-rate-0.3'
    """
    kept = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter == ".") else "-" for letter in text.lower()
    )
    return "-".join(part for part in kept.split("-") if part.strip(".")) or "unnamed"


def _read_file(source: str | Path) -> tuple[str, str, Table]:
    path = possible_path(source, error=StudyError)
    if path.suffix == ".toml" or path.is_file():
        return path.stem, str(path), _with_paths_from(path.parent, read_toml(path), where=str(path))
    studies = bundled_studies()
    if str(source) not in studies:
        raise StudyError(
            f"{source}: neither a study file (.toml) nor a bundled study; {did_you_mean(str(source), studies)}"
        )
    return str(source), str(source), parse_toml(studies[str(source)], where=str(source))


def _too_large() -> str:
    return f"an integer is too large; allowed are integers from -{LARGEST} to {LARGEST}"


def _too_deep() -> str:
    return f"tables or lists are nested too deep; at most {DEEPEST} levels are allowed"


def _refuse_deep(tables: Table, *, where: str) -> None:
    level: list[Any] = [tables]
    for _ in range(DEEPEST + 1):
        holders = [one for one in level if isinstance(one, dict | list)]
        level = [inner for one in holders for inner in (one.values() if isinstance(one, dict) else one)]
    if any(isinstance(one, dict | list) for one in level):
        raise StudyError(f"{where}: {_too_deep()}")


def _with_paths_from(folder: Path, tables: Table, *, where: str) -> Table:
    """Paths to images are relative to the study file, so that a study and its pictures can move together."""
    changed = _copied(tables)
    stages = tables_in(changed, "stage")
    trials = [trial for stage in stages for trial in tables_in(stage, "trial")]
    for source in (stage.get("from") for stage in stages):
        if isinstance(source, dict):
            _resolve_folder(source, "study", folder, where=f"{where}: from")
    for holder in [changed, *stages, *trials]:
        _resolve_sources(holder.get("model"), folder, where=f"{where}: model")
        _resolve_sources(holder.get("vary"), folder, where=f"{where}: vary")
    for data in (holder.get("data") for holder in [changed, *stages, *trials]):
        for key in ("path", "labels"):
            if isinstance(data, dict) and isinstance(data.get(key), str) and (key, data[key]) != ("labels", NO_LABELS):
                with prefixed(f"{where}: data.{key}"):
                    data[key] = str(full_path(folder / expanded_path(data[key], error=StudyError)))
    return changed


def _resolve_sources(value: Any, folder: Path, *, where: str) -> None:
    """Wherever weights come from a run or a study whose folder is there, seen from the study file: its full path."""
    if isinstance(value, list | dict):
        for one in value if isinstance(value, list) else value.values():
            _resolve_sources(one, folder, where=where)
    if isinstance(value, dict) and is_source(value):
        for key in ("run", "study"):
            _resolve_folder(value, key, folder, where=where)


def _resolve_folder(table: Table, key: str, folder: Path, *, where: str) -> None:
    if isinstance(table.get(key), str):
        with prefixed(f"{where}: {key}"):
            place = folder / possible_path(table[key], error=StudyError)
        if place.is_dir():
            table[key] = str(full_path(place))


@contextlib.contextmanager
def prefixed(where: str) -> Iterator[None]:
    """Says of complaints within where it was."""
    try:
        yield
    except StudyError as error:
        raise StudyError(f"{where}: {error}") from error


def plain_tables(tables: Mapping[str, Any], own: dict[str, Any], *, where: str) -> Table:
    """The same tables with nothing in them but what JSON and TOML both have: text, numbers, booleans, lists, tables.

    A function at model.family, train.loss, train.engine or train.objective (there a Kind, too) becomes its name, and is put
    into `own`; a key whose value is None is left out, as if it did not exist. Raises StudyError, naming the key, for anything
    else.
    """

    def plain(value: Any, key: str, depth: int = 0) -> Any:
        if depth > DEEPEST:
            raise StudyError(f"{where}: {key.lstrip('.')}: {_too_deep()}")
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, Path):
            return str(value)
        if isinstance(value, Mapping):
            return {str(name): plain(one, f"{key}.{name}", depth + 1) for name, one in value.items() if one is not None}
        if isinstance(value, list | tuple):
            return [plain(one, key, depth + 1) for one in value]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST:
            raise StudyError(f"{where}: {key.lstrip('.')}: {_too_large()}")
        if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if callable(value) or isinstance(value, Kind):
            return named(value, key)
        if hasattr(value, "__array__"):
            raise StudyError(f"{where}: {key.lstrip('.')}: {_about_an_array(value, key)}")
        raise StudyError(
            f"{where}: {key.lstrip('.')}: {shown(value)} is not text, a finite number, true, false, a list or a table"
        )

    def named(function: Any, key: str) -> str:
        if key.removesuffix(".values").endswith(".model.family") and _is_network(function):
            raise StudyError(
                f"{where}: {key.lstrip('.')}: got a network that is built already ({type(function).__name__}); give its class,"
                " or a function that builds one: every run builds its own"
            )
        if not key.removesuffix(".values").endswith(OWN_KEYS):  # in vary, a list may stand in a table with conditions
            allowed = ", ".join(one.lstrip(".") for one in OWN_KEYS)
            raise StudyError(
                f"{where}: {key.lstrip('.')}: a function or class can stand at {allowed} only; give a name instead"
            )
        name = name_of_kind(function) if isinstance(function, Kind) else name_of(function)
        if own.setdefault(name, function) is not function:
            raise StudyError(f"{where}: two different functions are called {name}; give them different names")
        return name

    return plain(tables, "")


def _about_an_array(value: Any, key: str) -> str:
    """What to say of an array where none can stand; its numbers would say nothing."""
    array = np.asarray(value)
    found = f"got an array, {array.dtype} {array.shape}"
    table, _, name = key.rpartition(".")
    if not key.endswith((".data", *(f".data.{one}" for one in ARRAY_KEYS))) and not table.endswith(".data"):
        return f"{found}; give a list: .tolist()"
    nearest = f"; {did_you_mean(name, ARRAY_KEYS)}" if table.endswith(".data") else ""
    return f'{found}; a table, data = {{"images": images, "labels": labels}}, has arrays in it{nearest}'


def _is_network(value: Any) -> bool:
    """Whether it is a torch module; torch itself may not be there."""
    return any(
        f"{base.__module__}.{base.__qualname__}" == "torch.nn.modules.module.Module" for base in type(value).__mro__
    )


def _with_overrides(tables: Table, overrides: Mapping[str, Any], *, where: str) -> Table:
    """The tables with dotted keys set; a key of data, model or train is set in every stage and trial that has
    the table, or takes it from another study, too."""
    changed = _copied(tables)
    stages = tables_in(changed, "stage")
    trials = [trial for stage in stages for trial in tables_in(stage, "trial")]
    varied_keys = {key for stage in stages if isinstance(stage.get("vary"), dict) for key in stage["vary"]}
    for key, value in overrides.items():
        head, *rest = key.split(".")
        if key in SOURCES:
            _drop_other_source([changed, *stages, *trials], key, overrides)
        if any(f"{varied}.".startswith(f"{key}.") or key.startswith(f"{varied}.") for varied in varied_keys):
            raise StudyError(f"{where}: {key} varies in this study; change the study file to set it")
        if head == "stage" and len(rest) == 1:
            for stage in stages:
                stage[rest[0]] = value
            continue
        _set(changed, [head, *rest], value, where=where)
        for holder in [*stages, *trials]:
            is_from_elsewhere = head in ("model", "train") and isinstance(holder.get("from"), dict)
            if head in BASE_TABLES and (head in holder or (is_from_elsewhere and "study" in holder["from"])):
                _set(holder, [head, *rest], value, where=where)
    return changed


def _drop_other_source(holders: Iterable[Table], key: str, overrides: Mapping[str, Any]) -> None:
    """Other images take the place of those that [data] names, with what belongs to those alone."""
    other, *with_it = SOURCES[key]
    for data in (holder["data"] for holder in holders if isinstance(holder.get("data"), dict)):
        if other not in data or f"data.{other}" in overrides:
            continue
        del data[other]
        for name in with_it:
            if f"data.{name}" not in overrides and data.get(name) != NO_LABELS:
                data.pop(name, None)


def _set(tables: Table, path: list[str], value: Any, *, where: str) -> None:
    *parents, last = path
    for part in parents:
        tables = tables.setdefault(part, {})
        if not isinstance(tables, dict):
            raise StudyError(f"{where}: {'.'.join(path)} cannot be set; {part} is not a table")
    tables[last] = value


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value
