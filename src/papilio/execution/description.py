"""A study before it runs: its trials and networks, and the JSON schema of all studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papilio.models.describe import count_parameters
from papilio.models.families import FAMILIES, build_nets, find_builder
from papilio.runs.folder import RunPlan
from papilio.runs.train import layer_rows
from papilio.search.expected import plan_runs
from papilio.search.sources import read_sources
from papilio.settings.train_settings import TrainSettings
from papilio.settings.validation import settings_class
from papilio.studies.images import StudyImages
from papilio.studies.schema import StageSettings, StudySettings
from papilio.studies.study import load_study
from papilio.training.catalogue import heads_of


@dataclass(frozen=True)
class StudyDescription:
    """A study before it runs: its file as resolved, its trials, and the layers of each different network."""

    toml: str
    trials: list[tuple[str, str, int, str]]  # stage, trial, runs, parameters
    networks: list[tuple[str, list[list[str]]]]  # title, rows of layer, kind, output shape, parameters
    notes: list[str]  # what is a stand-in for what only results will tell


def describe_study(
    study: str | Path | Mapping[str, Any], *, settings: Mapping[str, Any] | None = None
) -> StudyDescription:
    """What a study holds, its networks built for its images; raises StudyError, DataError."""
    loaded = load_study(study, settings)
    plans = plan_runs(loaded, read_sources(loaded, Path("results") / loaded.name))
    images = StudyImages()
    trials: dict[tuple[str, str], list[RunPlan]] = {}
    for plan in plans:
        trials.setdefault((plan.stage, plan.trial), []).append(plan)
    rows, networks = [], {}
    for (stage, trial), runs in trials.items():
        image_set, model = images.of_run(runs[0]), dict(runs[0].settings["model"])
        builder = find_builder(model.pop("family"), loaded.own)
        shape, train = image_set.image_shape, TrainSettings(**runs[0].settings["train"])
        heads = heads_of(train, num_classes=image_set.num_classes, quantity=image_set.quantity)
        nets = build_nets(builder, model, image_shape=shape, heads=heads, seed=0)
        num_parameters = f"{sum(count_parameters(net) for net in nets.values()):,}"
        rows.append((stage, trial, len(runs), num_parameters))
        layers = [_layer_cells(row) for row in layer_rows(nets, shape)]
        networks.setdefault(str(layers), (f"{trial}: {num_parameters} parameters", layers))
    notes = [note for stage in loaded.settings.stage if (note := _stand_ins(stage))]
    return StudyDescription(loaded.to_toml(), rows, list(networks.values()), notes)


def _stand_ins(stage: StageSettings) -> str | None:
    """What of a stage is shown in place of what only results will tell."""
    if stage.source is not None and stage.source.study is None:
        best = "the best trial" if stage.source.top == 1 else f"the best {stage.source.top} trials"
        return f'"{stage.name}" starts from {best} of "{stage.source.stage}"; shown on the first ones of that stage'
    if stage.sampler.name == "tpe":
        return f'"{stage.name}": tpe proposes its trials as it learns; those shown are random ones'
    return None


def _layer_cells(row: Mapping[str, Any]) -> list[str]:
    shape = "×".join(map(str, row["output_shape"])) or "–"
    return [row["name"], row["kind"], shape, f"{row['num_parameters']:,}"]


def study_schema() -> dict[str, Any]:
    """The JSON schema of study files, for editors; the settings of each model family stand in its definition."""
    schema = StudySettings.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"]["train"] = {"$ref": "#/$defs/TrainSettings"}
    train = TrainSettings.model_json_schema(ref_template="#/$defs/{model}")
    families = {
        name: settings_class(builder, name).model_json_schema(ref_template="#/$defs/{model}")
        for name, builder in FAMILIES.items()
    }
    definitions = schema["$defs"] | train.pop("$defs", {}) | {"TrainSettings": train}
    # a table of the optimizer's settings is allowed wherever its name is
    train["properties"]["optimizer"] = {"anyOf": [train["properties"]["optimizer"], {"type": "object"}]}
    for name, family in families.items():
        family["properties"]["family"] = {"const": name}
        definitions[f"model-{name}"] = family
    own = {
        "type": "object",
        "properties": {"family": {"type": "string", "pattern": ":"}},
        "required": ["family"],
    }
    schema["properties"]["model"] = {"anyOf": [{"$ref": f"#/$defs/model-{name}"} for name in families] + [own]}
    return schema | {"$defs": definitions}
