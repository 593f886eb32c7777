"""How long a study takes once its runs have ended: its analyses, and the report."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from papilio.data.parallel import available_cores
from papilio.execution.spans import Span
from papilio.kinds.kind import Kind
from papilio.runs.plan import RunPlan
from papilio.studies.asked import run_analyses, stage_analyses
from papilio.studies.images import StudyImages
from papilio.studies.study import Study

# of one analysis, as measured with bundled studies on two cores of a server; of others
OF_ANALYSES = {
    "projection": Span(3.0, 30.0),
    "quality": Span(2.0, 30.0),
    "likelihood": Span(1.0, 20.0),
    "probe": Span(1.0, 15.0),
    "models": Span(2.0, 15.0),
}
OF_ANOTHER = Span(0.05, 1.0)
REPORT = Span(2.0, 8.0)  # with nothing but its tables and curves, libraries imported
A_SECTION = Span(0.2, 1.0)  # of what was analyzed, drawn
A_RUN = Span(0.001, 0.005)  # read
MOST_LOAD = 4.0  # processes that want a core, as far as they are reckoned with


def span_afterwards(study: Study, plans: Iterable[RunPlan], images: StudyImages) -> Span:
    """From the last run's end to that of the command."""
    by_stage: dict[str, list[RunPlan]] = {}
    for plan in plans:
        by_stage.setdefault(plan.stage, []).append(plan)
    span = REPORT
    for runs in by_stage.values():
        span = span.plus(A_RUN.times(len(runs)))
        for name in _asked(study, runs, images):
            span = span.plus(OF_ANALYSES.get(name, OF_ANOTHER)).plus(A_SECTION)
    return span


def under_load(span: Span) -> Span:
    """The span where other programs want the cores, too: at most so many times longer as there are of them for each core."""
    load, _, _ = psutil.getloadavg()
    return Span(span.low, span.high * min(MOST_LOAD, max(1.0, load / available_cores())))


def _asked(study: Study, runs: list[RunPlan], images: StudyImages) -> list[str]:
    """The analyses of a stage by name, each as often as it is made."""
    tables = [table for table in study.settings.analysis if table.is_about(runs[0].stage)]
    kinds: dict[str, Kind] = {}
    different = {(one.settings.train.objective, one.settings.model.family): one for one in runs}
    for plan in different.values():
        kind = images.kind_of(plan)
        kinds[kind.name] = kind
    names = [one.name for one, _ in stage_analyses(tables, kinds.values())]
    trials = len({plan.trial for plan in runs})
    first = next(iter(kinds.values()))
    for table in tables:
        num = min(table.top, trials) * (len(runs) // trials if table.seeds == "all" else 1)
        names += [one.name for one, _ in run_analyses(table, first)] * num
    return names
