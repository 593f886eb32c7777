"""The page as one file to send to somebody: it needs no server and no network, and says what it holds."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.progress import Progress, reading_progress
from papilio.errors import RunError, SettingError
from papilio.explorer.cloud import LATENTS
from papilio.explorer.explore import open_scenes
from papilio.explorer.maps import METHODS, pca_plane
from papilio.explorer.page import built, embedded_array, embedded_bytes, embedded_json, page_html
from papilio.explorer.scene import MOST_AT_A_TIME, Scene, channels_last
from papilio.exports.onnx_files import PACKAGES, metadata_of, onnx_file
from papilio.exports.programs import Program, programs_of
from papilio.files import path_to_write, write_text

MOST_POINTS = 10_000
MOST_BYTES_OF_IMAGES = 12_000_000  # before they are compressed
MOST_BYTES = 25_000_000  # of a file with a decoder
SIDE, MOST_BYTES_OF_SPRITE = 24, 4_000_000
DEVIATIONS = 2.5  # how far from the middle a sprite reaches
WASM, RUNTIME, SCRIPT = "ort.wasm.gz", "ort.js", "embedded.js"


def export_page(
    run: Path | str,
    out: Path | str,
    *,
    pictures: Sequence[Path] = (),
    judge: str | None = None,
    is_fresh: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, str]:
    """Write the page of a run as one HTML file; its path, and in words what it holds.

    It has a sample of the points with their images on those maps that were computed before, PCA always. The decoder comes along
    as ONNX where the file then stays below 25 MB and the extra `onnx` is installed; otherwise the images of a grid stand in
    for it. Raises SettingError for a file that is there, unless `is_fresh`, and what `open_scenes` raises.
    """
    path = path_to_write(out, error=SettingError)
    if path.is_dir() or path.suffix.lower() not in (".html", ".htm"):
        raise SettingError(f"--export {out}: must be the name of an .html file")
    if path.exists() and not is_fresh:
        raise SettingError(f"{path}: already exists; choose another name, or --fresh to replace it")
    told = progress or reading_progress()
    title, (scene,) = open_scenes(run, pictures=pictures, judge=judge, most=1)
    scene.prepare(told)
    chosen = _chosen(scene)
    maps = _maps(scene, chosen, told)
    parts = [*_arrays(scene, chosen), *maps.values()]
    decoder, why = _decoder(scene, room=MOST_BYTES - sum(map(len, parts)) - len(built("page.html")))
    if decoder:
        parts += decoder
    elif "decode" in scene.offers:
        parts.append(_sprite(scene))
    words = _words(scene, num=len(chosen), maps=list(maps), decoder=why)
    parts += [embedded_json("about", {"title": title, "runs": [_about(scene, chosen, maps=list(maps))]})]
    boot = {"source": "embedded", "title": title, "note": words}
    scripts = [f"<script>{built(name).decode()}</script>\n" for name in (SCRIPT, *([RUNTIME] if decoder else []))]
    write_text(path, page_html(boot, parts="".join([*parts, *scripts])))
    return path, f"{path.stat().st_size / 1e6:.1f} MB: {words}"


def _chosen(scene: Scene) -> np.ndarray:
    """The points that the file has: a random sample, and all of the user's pictures."""
    most = max(MOST_AT_A_TIME, min(MOST_POINTS, MOST_BYTES_OF_IMAGES // int(np.prod(scene.facts.images.shape))))
    known = np.arange(len(scene.cloud) - scene.num_own)
    some = np.sort(np.random.default_rng(0).permutation(known)[:most])
    return np.concatenate([some, np.arange(len(known), len(scene.cloud))])


def _arrays(scene: Scene, chosen: np.ndarray) -> list[str]:
    cloud = scene.cloud
    names = ["labels", "splits", "numbers", *(f"values/{name}" for name in cloud.values)]
    names += [name for name, there in (("latents", cloud.latents), ("predicted", cloud.predicted)) if there is not None]
    found = [embedded_array(f"runs/0/arrays/{name}", scene.array(name)[chosen]) for name in names]
    if cloud.latents is not None:
        found.append(embedded_array(f"runs/0/arrays/pca/{LATENTS}", scene.array(f"pca/{LATENTS}")))
    starts = range(0, len(chosen), MOST_AT_A_TIME)
    images = np.concatenate([scene.pictures(chosen[start : start + MOST_AT_A_TIME]) for start in starts])
    return [*found, embedded_array("runs/0/images", channels_last(images))]


def _maps(scene: Scene, chosen: np.ndarray, progress: Progress) -> dict[str, str]:
    """The maps of the space that is shown first, by their method."""
    space, found = scene.space_names[0], {}
    for method in METHODS:
        if method == "pca" or scene.is_kept(space, method):
            made = scene.make_map(space, method, progress)
            found[method] = embedded_array(
                f"runs/0/maps/{space}/{method}", made.positions[chosen], trust=made.trust.to_json()
            )
    return found


def _decoder(scene: Scene, *, room: int) -> tuple[list[str], str]:
    """The decoder with what runs it, as elements, and in words what the file has; none where it has no room."""
    if "decode" not in scene.offers:
        return [], ""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return (
            [],
            f"images of a grid in place of the decoder, which takes {', '.join(missing)}: pip install 'papilio[onnx]'",
        )
    try:
        program = _program(scene)
    except RunError as error:
        return [], f"images of a grid in place of the decoder ({error})"
    content = onnx_file(program, metadata_of(scene.run, title=""))
    parts = [embedded_bytes("runs/0/decoder", content), embedded_bytes("ort-wasm", built(WASM))]
    if sum(map(len, parts)) + len(built(RUNTIME)) > room:
        return (
            [],
            f"images of a grid in place of the decoder, with which the file would have over {MOST_BYTES / 1e6:.0f} MB",
        )
    return parts, "its decoder"


def _program(scene: Scene) -> Program:
    return next(one for one in programs_of(scene.run) if any(port.name == "latents" for port in one.inputs))


def _sprite(scene: Scene) -> str:
    """Decoded images of a grid: of both latents where there are two, else of the plane of the PCA map."""
    latents = scene.array("latents")
    height, width, channel = (scene.facts.images.shape[one] for one in (1, 2, 0))
    side = int(np.clip((MOST_BYTES_OF_SPRITE // (height * width * channel)) ** 0.5, 4, SIDE))
    is_flat = latents.shape[1] == 2
    positions, plane = (latents, np.vstack([np.zeros(2), np.eye(2)])) if is_flat else pca_plane(latents)
    middle, reach = positions.mean(axis=0), DEVIATIONS * positions.std(axis=0)
    low, high = middle - reach, middle + reach
    across, up = np.meshgrid(*(np.linspace(low[axis], high[axis], side) for axis in (0, 1)))
    places = np.stack([across.ravel(), up.ravel()], axis=1)
    points = (plane[0] + places @ plane[1:]).astype(np.float32)
    made = np.concatenate(
        [scene.decode(points[start : start + MOST_AT_A_TIME]) for start in range(0, len(points), MOST_AT_A_TIME)]
    )
    grid: dict[str, Any] = {"low": low.tolist(), "high": high.tolist()}
    grid |= {"axes": [0, 1]} if is_flat else {"plane": True}
    return embedded_array("runs/0/sprite", channels_last(made).reshape(side, side, height, width, channel), grid=grid)


def _about(scene: Scene, chosen: np.ndarray, *, maps: Sequence[str]) -> dict[str, Any]:
    about = scene.about(0)
    first_own = len(chosen) - scene.num_own
    return about | {
        "num": len(chosen),
        "pictures": [one | {"index": first_own + place} for place, one in enumerate(about["pictures"])],
        "can": [name for name in about["can"] if name == "decode"],
        "judge": None,
        "judge_classes": [],
        "spaces": about["spaces"][:1],
        "methods": [one | {"is_ready": True} for one in about["methods"] if one["id"] in maps],
    }


def _words(scene: Scene, *, num: int, maps: Sequence[str], decoder: str) -> str:
    what = "samples" if scene.is_generator else "images"
    some = f"{num:,} of {len(scene.cloud):,} {what}" if num < len(scene.cloud) else f"{num:,} {what}"
    shown = ", ".join(METHODS[name] for name in maps)
    return f"{some}, their {shown} map{'s' * (len(maps) > 1)}{f'; {decoder}' if decoder else ''}"
