"""Which functions of the user's own may show an analysis: its file names one, and a file is no reason to import anything."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from papilio.errors import PapilioError
from papilio.kinds.analyses import ANALYSES, analyses_of, section_reference
from papilio.kinds.kind import Kind
from papilio.results.results import StudyResults
from papilio.settings.references import OwnFunctions, find_own

OWN_KEYS = ("family", "loss", "objective", "engine")  # settings in which a study names code of its own


class KnownSections:
    """`module:function` is in it where an analysis of Papilio's has it, a module of the study's own code, or an analysis of a
    kind that the study names. `own` are the kinds that Python passed."""

    def __init__(self, results: StudyResults, own: OwnFunctions) -> None:
        self.results = results
        self.own = own

    def __contains__(self, section: str) -> bool:
        package = section.partition(":")[0].partition(".")[0]
        return section in self._papilios or package in self._own_packages or section in self._of_own_kinds

    @cached_property
    def _papilios(self) -> set[Any]:
        return {analysis.section for analysis in ANALYSES.values()}

    @cached_property
    def _names(self) -> set[str]:
        """Every `module:name` by which the study and its runs name code."""
        return {
            name
            for tables in (self.results.study, *(run.settings for run in self.results.runs))
            for name in _named(tables)
        }

    @cached_property
    def _own_packages(self) -> set[str]:
        return {name.partition(":")[0].partition(".")[0] for name in self._names} - {"papilio"}

    @cached_property
    def _of_own_kinds(self) -> set[str]:
        kinds = [kind for name in sorted(self._names) if (kind := self._kind(name)) is not None]
        return {section_reference(analysis) for kind in kinds for analysis in analyses_of(kind).values()}

    def _kind(self, name: str) -> Kind | None:
        """What a study names, where that is a kind and can be found here."""
        try:
            found = find_own(name, what="train.objective", own=self.own, instance_of=Kind)
        except PapilioError:
            return None
        return found if isinstance(found, Kind) else None


def _named(value: Any, key: str = "") -> Iterator[str]:
    """What stands at OWN_KEYS of nested tables and lists, one that is varied, too."""
    if isinstance(value, dict):
        for inner_key, inner in value.items():
            yield from _named(inner, inner_key)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner, key)
    elif isinstance(value, str) and ":" in value and key.rpartition(".")[2] in OWN_KEYS:
        yield value
