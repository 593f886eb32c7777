"""Which analyses the [[analysis]] tables of a study ask for, and with what options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pydantic import BaseModel

from papilio.errors import StudyError, did_you_mean
from papilio.kinds.analyses import ANALYSES, analyses_of
from papilio.kinds.kind import Analysis, Kind
from papilio.models.description import Description
from papilio.settings.references import resolve_reference
from papilio.settings.validation import validated
from papilio.studies.schema import AnalysisSettings

Asked = tuple[Analysis, BaseModel]  # an analysis with its options


def run_analyses(table: AnalysisSettings, kind: Kind) -> list[Asked]:
    """What a table asks for of runs of a kind: the analysis that it names, or without a name all that need no request."""
    found = [one for one in _fitting(table, kind) if one.of == "run"]
    return [(one, options_of(table, one)) for one in found]


def stage_analyses(tables: Sequence[AnalysisSettings], kinds: Iterable[Kind]) -> list[Asked]:
    """What is looked at of a stage with runs of these kinds: all that they have, unless a study has no tables at all.

    The options are those of the last table that names the analysis, or, where none does, of the last that names nothing.
    """
    every = {name: one for kind in kinds for name, one in analyses_of(kind).items() if one.of == "stage"}
    chosen = {name: [table for table in tables if table.kind in (None, name)] for name in every}
    named = {name: sorted(chosen[name], key=lambda table: table.kind is not None) for name in every}
    default = AnalysisSettings.model_validate({})
    return [(one, options_of([default, *named[name]][-1], one)) for name, one in every.items() if tables]


def options_of(table: AnalysisSettings, analysis: Analysis) -> BaseModel:
    """Those of the table's options that the analysis has; raises StudyError for a value that is not allowed."""
    given = {name: value for name, value in table.options.items() if _takes(analysis, name)}
    return validated(analysis.options, given, where="[[analysis]]")


def refuse_impossible_analyses(tables: Sequence[AnalysisSettings], kinds: Sequence[Kind]) -> None:
    """Raises StudyError for an analysis that fits no run of these kinds, and for options that none that fits has."""
    every = [one for kind in kinds for one in analyses_of(kind).values()]
    for table in tables:
        fitting = [one for kind in kinds for one in _fitting(table, kind)]
        if table.kind is not None and not fitting:
            raise StudyError(f"[[analysis]]: kind: {_unfitting(table.kind, every)}")
        for name, value in table.options.items():
            if not any(_takes(one, name) for one in fitting) and not _is_written_default(name, value):
                raise StudyError(f"[[analysis]]: {name} is not a setting; {did_you_mean(name, _settings(fitting))}")
        for one in fitting:
            options_of(table, one)


def refuse_other_options(tables: Sequence[AnalysisSettings], kind: Kind, describe: Callable[[], Description]) -> None:
    """Raises SettingError for options that do not go with a run of this kind, whose nets `describe` gives."""
    for table in tables:
        for analysis, options in run_analyses(table, kind):
            if analysis.check is not None:
                resolve_reference(analysis.check)(options, kind, describe)


def _fitting(table: AnalysisSettings, kind: Kind) -> list[Analysis]:
    """A kind's analyses that a table is about."""
    of_all = table.kind is None
    return [
        one for name, one in analyses_of(kind).items() if table.kind == name or (of_all and name not in kind.on_request)
    ]


def _takes(analysis: Analysis, name: str) -> bool:
    return name in analysis.options.model_fields or analysis.options.model_config.get("extra") == "allow"


def _unfitting(name: str, every: Sequence[Analysis]) -> str:
    known = list(dict.fromkeys(one.name for one in every))
    if name not in ANALYSES:
        return f"{name!r} is not an analysis; {did_you_mean(name, [*ANALYSES, *known])}"
    allowed = f"allowed are {', '.join(known)}" if known else "there is none for its kinds of runs"
    return f"{name} fits no run of this study; leave it away, or take another: {allowed}"


def _settings(fitting: Sequence[Analysis]) -> list[str]:
    return [*AnalysisSettings.model_fields, *(name for one in fitting for name in one.options.model_fields)]


def _is_written_default(name: str, value: object) -> bool:
    """Whether it is what Papilio 0.1.0 wrote into study.toml, whatever the runs were."""
    fields = [one.options.model_fields[name] for one in ANALYSES.values() if name in one.options.model_fields]
    return any(field.default == value for field in fields)
