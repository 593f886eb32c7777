// The map: which space, by which method, where its points are, and which part of it is seen.

import { computed, effect, signal } from "@preact/signals";
import { makeGrid } from "../math/grid.js";
import { fitted } from "../map/camera.js";
import { arrayOf, chooseRun, data, failure, run, runId, source } from "./run.js";

export const spaceId = signal("latents");
export const method = signal("pca"); // pca | tsne | umap | axes
export const axes = signal([0, 1]);
/** {state: "loading", progress} | {state: "failed", line} | {state: "ready", points, grid, trust, plane, axes, method, run} */
export const layout = signal({ state: "loading", progress: null });
export const size = signal({ width: 0, height: 0 }); // of the map on the screen, CSS pixels
export const camera = signal({ x: 0, y: 0, scale: 1 });
const retries = signal(0);

/** The map once more, or the run's arrays where they are what failed. */
export function tryAgain() {
  if (data.value) retries.value++;
  else chooseRun(runId.value);
}

export const space = computed(() => run.value?.spaces.find((one) => one.id === spaceId.value) ?? run.value?.spaces[0] ?? null);
export const fittedScale = computed(() =>
  layout.value.state === "ready" ? fitted(layout.value.grid.box, size.value.width || 1, size.value.height || 1).scale : 1,
);
/** What lies between the points: axes | plane | mean | image (nothing can be decoded: the nearest image is shown). */
export const inverse = computed(() => {
  const one = run.value;
  if (!one || !space.value?.decodes || !one.latents) return "image";
  if (!source.current.can(one, "decode")) return method.value === "pca" && source.current.can(one, "plane") ? "plane" : "image";
  if (method.value === "axes") return "axes";
  if (method.value === "pca" && space.value.id === "latents") return "plane";
  return space.value.inverse === "nearest" ? "image" : "mean";
});

export function fit() {
  if (layout.value.state === "ready" && size.value.width) {
    camera.value = fitted(layout.value.grid.box, size.value.width, size.value.height);
  }
}

/** A run whose spaces or methods differ from what was chosen for the last one gets its first ones. */
export function adopt(one) {
  if (!one.spaces.some((each) => each.id === spaceId.value)) spaceId.value = one.spaces[0]?.id ?? "";
  const hasAxes = one.latents > 1;
  if (method.value === "axes" ? !hasAxes : !one.methods.some((each) => each.id === method.value)) method.value = "pca";
  axes.value = one.coordinates.length > 1 ? [one.coordinates[0].index, one.coordinates[1].index] : [0, Math.min(1, one.latents - 1)];
  // the two coordinates are the space: nothing is nearer to it than itself
  if (one.latents === 2 && spaceId.value === "latents") {
    method.value = "axes";
    axes.value = [0, 1];
  }
}

let asked = 0;
effect(() => {
  const arrays = data.value;
  const chosen = { space: space.value, method: method.value, axes: axes.value, again: retries.value };
  const ticket = ++asked;
  layout.value = failure.value === null ? { state: "loading", progress: null } : { state: "failed", line: failure.value };
  if (arrays) load(arrays, chosen, () => ticket === asked);
});

async function load(arrays, chosen, isWanted) {
  const one = arrays.run;
  try {
    const found =
      chosen.method === "axes" ? columns(arrays.latents, one.latents, chosen.axes) : await mapOf(one, chosen, isWanted);
    const plane = chosen.method === "pca" && chosen.space.id === "latents" ? await arrayOf(one, `pca/${chosen.space.id}`) : null;
    if (!isWanted() || !found) return;
    const grid = makeGrid(found.points);
    layout.value = { state: "ready", run: one, ...chosen, ...found, plane, grid };
    fit();
  } catch (error) {
    if (isWanted()) layout.value = { state: "failed", line: error.message };
  }
}

const maps = new Map();
async function mapOf(one, chosen, isWanted) {
  const key = `${one.id}/${chosen.space.id}/${chosen.method}`;
  if (!maps.has(key)) {
    const onProgress = (progress) => isWanted() && (layout.value = { state: "loading", progress });
    const found = await source.current.map(one, chosen.space.id, chosen.method, onProgress, isWanted);
    if (found) maps.set(key, found);
  }
  return maps.get(key) ?? null;
}

function columns(latents, width, [i, j]) {
  const points = new Float32Array((latents.length / width) * 2);
  for (let n = 0; n < points.length / 2; n++) {
    points[2 * n] = latents[n * width + i];
    points[2 * n + 1] = latents[n * width + j];
  }
  return { points, trust: null };
}

/** Moves the map so that a place is in the middle, near enough to tell its neighbors apart. */
export function show(place, nearness = 6) {
  camera.value = { x: place.x, y: place.y, scale: Math.max(camera.value.scale, fittedScale.value * nearness) };
}

export const isInView = (place) =>
  Math.abs(place.x - camera.value.x) * camera.value.scale < size.value.width / 2 &&
  Math.abs(place.y - camera.value.y) * camera.value.scale < size.value.height / 2;
