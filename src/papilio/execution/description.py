"""A study before it runs: its trials and networks, and the JSON schema of all studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papilio.engine import find_engine
from papilio.errors import DataError, DownloadError, SettingError
from papilio.models.arguments import WORDS
from papilio.models.description import LayerRow
from papilio.runs.plan import RunPlan
from papilio.search.expected import plan_runs
from papilio.search.sources import MissingResultsError, read_sources
from papilio.settings.run_settings import NetFrom
from papilio.settings.train_settings import TrainSettings
from papilio.studies.checks import planning_notes, refuse_impossible_runs
from papilio.studies.images import StudyImages
from papilio.studies.schema import StageSettings, StudySettings
from papilio.studies.study import load_study


@dataclass(frozen=True)
class StudyDescription:
    """A study before it runs: its file as resolved, its trials, and the layers of each different network."""

    toml: str
    trials: list[tuple[str, str, int, str]]  # stage, trial, runs, parameters
    networks: list[tuple[str, list[list[str]]]]  # title, rows of layer, kind, output shape, parameters
    notes: list[str]  # what is a stand-in for what only results will tell, and runs that take few steps


def describe_study(
    study: str | Path | Mapping[str, Any], *, settings: Mapping[str, Any] | None = None
) -> StudyDescription:
    """What a study holds, its networks built for its images; raises StudyError, DataError.

    Where the results that a stage starts from are missing, or images cannot be downloaded, it is the file alone, and a note
    that says so.
    """
    loaded = load_study(study, settings)
    try:
        sources = read_sources(loaded, Path("results") / loaded.name)
        plans, images = plan_runs(loaded, sources), StudyImages(loaded.own, draws=False)
        checked = refuse_impossible_runs(loaded, plans, images)
    except (MissingResultsError, DownloadError) as error:
        return StudyDescription(loaded.to_toml(), [], [], [f"trials and networks are not known yet: {error}"])
    trials: dict[tuple[str, str], list[RunPlan]] = {}
    for plan in plans:
        trials.setdefault((plan.stage, plan.trial), []).append(plan)
    rows, networks = [], {}
    for (stage, trial), runs in trials.items():
        resolved = runs[0].settings
        try:
            described = find_engine(resolved.train.engine, loaded.own).describe(resolved, images.of_run(runs[0]).facts)
        except (SettingError, DataError) as error:
            raise type(error)(f'{loaded.where}: stage "{stage}", trial "{trial}": {error}') from error
        num_parameters = f"{described.num_parameters:,}"
        rows.append((stage, trial, len(runs), num_parameters))
        layers = [_layer_cells(row) for row in described.layers]
        networks.setdefault(str(layers), (f"{trial}: {num_parameters} parameters", layers))
    notes = list(loaded.notes) + [note for stage in loaded.settings.stage if (note := _stand_ins(stage))]
    notes += [*checked, *planning_notes(plans, images)]
    return StudyDescription(loaded.to_toml(), rows, list(networks.values()), notes)


def _stand_ins(stage: StageSettings) -> str | None:
    """What of a stage is shown in place of what only results will tell."""
    if stage.source is not None and stage.source.study is None:
        best = "the best trial" if stage.source.top == 1 else f"the best {stage.source.top} trials"
        return f'"{stage.name}" starts from {best} of "{stage.source.stage}"; shown here with the first trials of that stage'
    if stage.sampler.name == "tpe":
        return f'"{stage.name}": tpe proposes trials as it learns; the trials shown here are random'
    return None


def _layer_cells(row: LayerRow) -> list[str]:
    shape = "×".join(map(str, row.output_shape)) or "–"
    return [row.name, row.kind, shape, f"{row.num_parameters:,}"]


def study_schema() -> dict[str, Any]:
    """The JSON schema of study files, for editors; the settings of each model family stand in its definition."""
    schema = StudySettings.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"]["train"] = {"$ref": "#/$defs/TrainSettings", "description": "how the networks are trained"}
    train = TrainSettings.model_json_schema(ref_template="#/$defs/{model}")
    engine = find_engine(train["properties"]["engine"]["default"], {})
    families = {
        name: engine.model_settings(name).model_json_schema(ref_template="#/$defs/{model}")
        for name in engine.families()
    }
    definitions = schema["$defs"] | train.pop("$defs", {}) | {"TrainSettings": train}
    # a table of the optimizer's settings is allowed wherever its name is
    optimizer = train["properties"]["optimizer"]
    words = {"description": f"which optimizer; {optimizer['description']}"}
    train["properties"]["optimizer"] = words | {"anyOf": [optimizer, {"type": "object"}]}
    for name, family in families.items():
        for argument, described in family["properties"].items():
            described.setdefault("description", WORDS.get(argument, ""))
        family["properties"]["family"] = {"const": name, "description": "which network"}
        family["additionalProperties"] = {"$ref": "#/$defs/NetFrom"}  # a net, or a part of one
        definitions[f"model-{name}"] = family
    definitions["NetFrom"] = NetFrom.model_json_schema()
    own = {
        "type": "object",
        "properties": {
            "family": {"type": "string", "pattern": ":", "description": "a builder of your own, module:function"}
        },
        "required": ["family"],
    }
    schema["properties"]["model"] |= {"anyOf": [{"$ref": f"#/$defs/model-{name}"} for name in families] + [own]}
    return schema | {"$defs": definitions}
