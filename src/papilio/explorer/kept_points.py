"""Clouds and spaces as arrays that are kept."""

from __future__ import annotations

from dataclasses import fields

from papilio.explorer.cloud import Cloud, Space
from papilio.explorer.kept import Kept

VALUES = "values-"


def kept_cloud(kept: Kept) -> Cloud | None:
    """The points, where they are kept."""
    arrays = kept.read("cloud")
    if arrays is None:
        return None
    values = {name.removeprefix(VALUES): arrays.pop(name) for name in sorted(arrays) if name.startswith(VALUES)}
    if not {"indices", "splits", "labels", "total"} <= arrays.keys() <= {one.name for one in fields(Cloud)}:
        return None
    total = int(arrays.pop("total"))
    return Cloud(**arrays, total=total, values=values)  # pyright: ignore[reportArgumentType] (all others are arrays)


def keep_cloud(kept: Kept, cloud: Cloud) -> None:
    arrays = {one.name: getattr(cloud, one.name) for one in fields(Cloud) if one.name != "values"}
    kept.write("cloud", {**arrays, **{VALUES + name: values for name, values in cloud.values.items()}})


def kept_space(kept: Kept, name: str) -> Space | None:
    """One of the spaces, where it is kept."""
    arrays = kept.read(f"space-{name}")
    if arrays is None or not {"features", "dimensions"} <= arrays.keys():
        return None
    return Space(arrays["features"], int(arrays["dimensions"]), arrays.get("center"), arrays.get("directions"))


def keep_space(kept: Kept, name: str, space: Space) -> None:
    kept.write(f"space-{name}", {one.name: getattr(space, one.name) for one in fields(Space)})
