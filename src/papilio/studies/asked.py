"""Which analyses the [[analysis]] tables of a study ask for, and with what options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from pydantic import BaseModel

from papilio.errors import SettingError, StudyError, agreed, did_you_mean
from papilio.kinds.analyses import ANALYSES, analyses_of
from papilio.kinds.kind import Analysis, Kind, Planned
from papilio.settings.references import resolve_reference
from papilio.settings.validation import validated
from papilio.studies.schema import AnalysisSettings

Asked = tuple[Analysis, BaseModel]  # an analysis with its options


def run_analyses(table: AnalysisSettings, kind: Kind) -> list[Asked]:
    """What a table asks for of runs of a kind: the analysis that it names, or without a name all that need no request."""
    found = [one for one in _fitting(table, kind) if one.of == "run"]
    return [(one, options_of(table, one)) for one in found]


def looks_at_runs(table: AnalysisSettings, kind: Kind) -> bool:
    """Whether a table asks for anything of runs of a kind."""
    return any(one.of == "run" for one in _fitting(table, kind))


def stage_analyses(tables: Sequence[AnalysisSettings], kinds: Iterable[Kind]) -> list[Asked]:
    """What is looked at of a stage with runs of these kinds: all that they have, unless a study has no tables at all.

    The options are those of the last table that names the analysis, or, where none does, of the last that names nothing.
    """
    every = {name: one for kind in kinds for name, one in analyses_of(kind).items() if one.of == "stage"}
    chosen = {name: [table for table in tables if table.kind in (None, name)] for name in every}
    named = {name: sorted(chosen[name], key=lambda table: table.kind is not None) for name in every}
    default = AnalysisSettings.model_validate({})
    return [(one, options_of([default, *named[name]][-1], one)) for name, one in every.items() if tables]


def options_of(table: AnalysisSettings, analysis: Analysis, *, number: int | None = None) -> BaseModel:
    """Those of the table's options that the analysis has; raises StudyError for a value that is not allowed.

    `number` is the table's place among all, from 1, by which a complaint names it.
    """
    given = {name: value for name, value in table.options.items() if _takes(analysis, name)}
    return validated(analysis.options, given, where=where_of(number, analysis.name))


def refuse_impossible_analyses(tables: Sequence[AnalysisSettings], kinds_of: Mapping[str, Sequence[Kind]]) -> None:
    """Raises StudyError for an analysis that fits no run of these kinds, by stage, and for options that none that fits has.

    Also for two tables that name the same analysis of a stage with different options.
    """
    for number, table in enumerate(tables, start=1):
        known = {kind.name: kind for stage, several in kinds_of.items() if table.is_about(stage) for kind in several}
        kinds = list(known.values())
        fitting = [one for kind in kinds for one in _fitting(table, kind)]
        if table.kind is not None and not fitting:
            raise StudyError(f"{where_of(number)}: kind: {_unfitting(table.kind, kinds, table.stage)}")
        for name, value in table.options.items():
            if not any(_takes(one, name) for one in fitting) and not _is_written_default(name, value):
                where = where_of(number, table.kind)
                raise StudyError(f"{where}: {name} is not a setting; {did_you_mean(name, _settings(fitting))}")
        for one in fitting:
            options_of(table, one, number=number)
    for stage, several in kinds_of.items():
        _refuse_two_sets_of_options(tables, stage, several)


class AnalysisChecks:
    """What the analyses of a study ask of its runs, looked at before anything is trained."""

    def __init__(self, tables: Sequence[AnalysisSettings]) -> None:
        self.tables = tables
        self.tell_stages_apart = any(table.stage is not None for table in tables)
        self.lacking: dict[
            int, dict[str, str | None]
        ] = {}  # by table that names its analysis, by trial: what it has not

    def look_at(self, kind: Kind, stage: str, trial: str, planned: Callable[[AnalysisSettings], Planned]) -> None:
        """Raises SettingError for options that do not go with a trial of this kind; `planned` has a table's images.

        StudyError for values that are not allowed.
        """
        for number, table in enumerate(self.tables, start=1):
            for analysis in _fitting(table, kind) if table.is_about(stage) else ():
                if analysis.of == "stage" or analysis.check is None:
                    continue
                options = options_of(table, analysis, number=number)
                try:
                    lack = resolve_reference(analysis.check)(options, planned(table))
                except SettingError as error:
                    raise SettingError(f"{where_of(number, analysis.name)}: {error}") from error
                if table.kind is not None:
                    self.lacking.setdefault(number, {}).setdefault(f'stage "{stage}", trial "{trial}"', lack)

    def notes(self) -> list[str]:
        """A line for each table that asks for what some trials have not; raises StudyError where none of them has it."""
        notes = []
        for number, lacks in self.lacking.items():
            without = {trial: lack for trial, lack in lacks.items() if lack is not None}
            if not without:
                continue
            trial, lack = next(iter(without.items()))
            where = where_of(number, self.tables[number - 1].kind)
            if len(without) == len(lacks):
                raise StudyError(f"{where}: {lack}")
            others = agreed(len(without) - 1, " and {} other trial", " and {} other trials") if len(without) > 1 else ""
            notes.append(f"{where}: skipped for {trial}{others}: {lack}")
        return notes


def _refuse_two_sets_of_options(tables: Sequence[AnalysisSettings], stage: str, kinds: Iterable[Kind]) -> None:
    """An analysis of a stage is made once, so that two tables that name it cannot have different options."""
    first: dict[str, tuple[int, BaseModel]] = {}
    for number, table in enumerate(tables, start=1):
        known = {name: one for kind in kinds for name, one in analyses_of(kind).items()}
        analysis = known.get(table.kind or "")
        if analysis is None or analysis.of != "stage" or not table.is_about(stage):
            continue
        options = options_of(table, analysis, number=number)
        earlier, its_options = first.setdefault(analysis.name, (number, options))
        if options != its_options:
            raise StudyError(
                f"{where_of(number, analysis.name)}: conflicts with {where_of(earlier)}, which has other options: stage"
                f" {stage!r} can have this analysis only once; remove one of the tables, or set a different stage in each"
            )


def where_of(number: int | None, analysis: str | None = None) -> str:
    """What a complaint calls a table: by its place, and the analysis that it is about."""
    return " ".join(filter(None, ["[[analysis]]", str(number or ""), f"({analysis})" if analysis else ""]))


def _fitting(table: AnalysisSettings, kind: Kind) -> list[Analysis]:
    """A kind's analyses that a table is about."""
    of_all = table.kind is None
    return [
        one for name, one in analyses_of(kind).items() if table.kind == name or (of_all and name not in kind.on_request)
    ]


def _takes(analysis: Analysis, name: str) -> bool:
    return name in analysis.options.model_fields or analysis.options.model_config.get("extra") == "allow"


def _unfitting(name: str, kinds: Iterable[Kind], stage: str | None) -> str:
    known = list(dict.fromkeys(one.name for kind in kinds for one in analyses_of(kind).values()))
    if name not in ANALYSES:
        return f"{name!r} is not an analysis; {did_you_mean(name, [*ANALYSES, *known])}"
    runs = "this study" if stage is None else f"stage {stage!r}"
    others = (
        f", or choose one of: {', '.join(known)}" if known else ", as no analysis is available for its kinds of runs"
    )
    return f"{name} does not apply to any run of {runs}; leave it out{others}"


def _settings(fitting: Sequence[Analysis]) -> list[str]:
    return [*AnalysisSettings.model_fields, *(name for one in fitting for name in one.options.model_fields)]


def _is_written_default(name: str, value: object) -> bool:
    """Whether it is what Papilio 0.1.0 wrote into study.toml, whatever the runs were."""
    fields = [one.options.model_fields[name] for one in ANALYSES.values() if name in one.options.model_fields]
    return any(field.default == value for field in fields)
