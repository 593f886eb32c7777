"""The page as one file to send to somebody: it needs no server and no network, and says what it holds."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.progress import Progress, reading_progress
from papilio.errors import RunError, SettingError
from papilio.explorer.about import about_run, is_sample
from papilio.explorer.cloud import LATENTS
from papilio.explorer.explore import open_scenes, stops_in_one_line
from papilio.explorer.maps import METHODS, pca_plane
from papilio.explorer.page import built, channels_last, embedded_array, embedded_bytes, embedded_json, page_html
from papilio.explorer.scene import MOST_AT_A_TIME, Scene
from papilio.exports.onnx_files import PACKAGES, metadata_of, onnx_file
from papilio.exports.programs import Program, programs_of
from papilio.files import path_to_write, write_text
from papilio.results.words import listed
from papilio.runs.run import Run

MOST_POINTS = 10_000
MOST_BYTES_OF_IMAGES = 12_000_000  # before they are compressed
MOST_BYTES = 25_000_000  # of a file with a decoder
SIDE, MOST_BYTES_OF_SPRITE = 24, 4_000_000
DEVIATIONS = 2.5  # how far from the middle a sprite reaches
# nets, the most needed first: "network" is that of a run that classifies or reads, "judge" another run's
WORDS = {"network": "network", "decoder": "decoder", "encoder": "encoder", "judge": "classifier"}
WASM, RUNTIME, SCRIPT = "ort.wasm.gz", "ort.js", "embedded.js"
ANSWERS = ("probabilities", "values")  # what a network that classifies or reads gives
NEEDS = {"encode": "encoder", "classify": "network"}  # what the page can do by which net
NOTICES = "onnxruntime-ThirdPartyNotices.txt"  # of what the runtime contains itself: they go where it goes


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

    It has a sample of the points with their images on those maps that were computed before, PCA always. The run's networks and
    the classifier of its pictures come along as ONNX where the file then stays below 25 MB and the extra `onnx` is installed;
    images of a grid stand in for a decoder. Raises SettingError for a file that is there, unless `is_fresh`, and what
    `open_scenes` raises.
    """
    path = path_to_write(out, error=SettingError)
    if path.is_dir() or path.suffix.lower() not in (".html", ".htm"):
        raise SettingError(f"--export {out}: must be the name of an .html file")
    if path.exists() and not is_fresh:
        raise SettingError(f"{path}: already exists; choose another name, or --fresh to replace it")
    title, (scene,) = open_scenes(run, pictures=pictures, judge=judge, most=1)
    with stops_in_one_line():
        return path, _write_page(path, scene, title, progress or reading_progress())


def _write_page(path: Path, scene: Scene, title: str, told: Progress) -> str:
    """What the file holds, in words."""
    scene.prepare(told)
    chosen = _chosen(scene)
    told(0, 0, "drawing the maps")
    maps = _maps(scene, chosen, told)
    told(0, 0, "converting the networks")
    parts = [*_arrays(scene, chosen), *maps.values()]
    nets, in_words = _nets(scene, room=MOST_BYTES - sum(map(len, parts)) - len(built("page.html")))
    parts += nets.values()
    told(0, 0, "writing the page")
    if "decode" in scene.offers and "decoder" not in nets:
        parts.append(_sprite(scene))
        in_words = f"a grid of decoded images, {in_words}"
    words = _words(scene, num=len(chosen), maps=list(maps), nets=in_words)
    parts += [embedded_json("about", {"title": title, "runs": [_about(scene, chosen, nets, maps=list(maps))]})]
    boot = {"source": "embedded", "title": title, "note": words}
    scripts = [f"<script>{built(name).decode()}</script>\n" for name in (SCRIPT, *([RUNTIME] if nets else []))]
    write_text(path, page_html(boot, parts="".join([*parts, *scripts])))
    return f"{path.stat().st_size / 1e6:.1f} MB: {words}"


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


def _nets(scene: Scene, *, room: int) -> tuple[dict[str, str], str]:
    """The run's nets as elements by what they are for, and what runs them; and in words what the file has of them.

    The decoder comes first, then the encoder and the classifier, as far as there is room.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return {}, f"without its networks, which takes {', '.join(missing)}: pip install 'papilio[onnx]'"
    try:
        programs = _programs(scene)
    except RunError as error:
        return {}, f"without its networks ({error})"
    runtime = embedded_bytes("ort-wasm", built(WASM)) + embedded_bytes("ort-notices", built(NOTICES))
    room -= len(runtime) + len(built(RUNTIME))
    found: dict[str, str] = {}
    for name, (run, program) in programs.items():
        part = embedded_bytes(f"runs/0/{name}", onnx_file(program, metadata_of(run, title="")))
        if len(part) <= room:
            found[name] = part
            room -= len(part)
    if not found:
        return {}, f"without its networks, with which it would have over {MOST_BYTES / 1e6:.0f} MB" if programs else ""
    return found | {"runtime": runtime}, f"its {listed([WORDS[name] for name in found])}"


def _programs(scene: Scene) -> dict[str, tuple[Run, Program]]:
    """By what the page needs it for."""
    found: dict[str, tuple[Run, Program]] = {}
    for program in programs_of(scene.run):
        if any(port.name == "latents" for port in program.inputs):
            found["decoder"] = (scene.run, program)
        elif any(port.name == "latents" for port in program.outputs):
            found["encoder"] = (scene.run, program)
        elif any(port.name in ANSWERS for port in program.outputs):
            found["network"] = (scene.run, program)
    if found and scene.judge is not None:
        found["judge"] = (scene.judge, programs_of(scene.judge)[0])
    return dict(sorted(found.items(), key=lambda one: list(WORDS).index(one[0])))


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


def _about(scene: Scene, chosen: np.ndarray, nets: Collection[str], *, maps: Sequence[str]) -> dict[str, Any]:
    about, has_judge = about_run(scene, 0), "judge" in nets
    first_own = len(chosen) - scene.num_own
    return about | {
        "num": len(chosen),
        "is_sample": is_sample(scene.cloud.indices[chosen[:first_own]]),
        "pictures": [one | {"index": first_own + place} for place, one in enumerate(about["pictures"])],
        "can": [name for name in about["can"] if name == "decode" or NEEDS[name] in nets],
        "judge": about["judge"] if has_judge else None,
        "judge_classes": about["judge_classes"] if has_judge else [],
        "spaces": about["spaces"][:1],
        "methods": [one | {"is_ready": True} for one in about["methods"] if one["id"] in maps],
    }


def _words(scene: Scene, *, num: int, maps: Sequence[str], nets: str) -> str:
    what = "samples" if scene.is_generator else "images"
    some = f"{num:,} of {len(scene.cloud):,} {what}" if num < len(scene.cloud) else f"{num:,} {what}"
    shown = ", ".join(METHODS[name] for name in maps)
    return f"{some}, their {shown} map{'s' * (len(maps) > 1)}{f'; {nets}' if nets else ''}"
