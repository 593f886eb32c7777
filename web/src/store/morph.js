// The way between two latents.

import { computed, signal } from "@preact/signals";
import { between } from "../math/vectors.js";
import { layout } from "./map.js";
import { placeOf } from "./places.js";
import { data } from "./run.js";

export const FRAMES = 33;
/** {latent, image, name, run, label (class, or null)} each, or null */
export const endA = signal(null);
export const endB = signal(null);
/** What an end is made of the kept picture. */
export const endOf = ({ run, latent, image, name, label }) => ({ run, latent, image, name, label });
export const way = signal("linear");
export const share = signal(0);

export const wayLatents = computed(() => {
  const a = endA.value, b = endB.value;
  if (!a || !b || a.run !== b.run) return null;
  return Array.from({ length: FRAMES }, (_, n) => between(a.latent, b.latent, n / (FRAMES - 1), way.value, a.run.mean));
});

/** What the map shows of it: {ends: [{name, place}], way: [place, ...], isLine}. */
export const morphMarks = computed(() => {
  const arrays = data.value;
  if (!arrays || layout.value.state !== "ready") return { ends: [], way: [], isLine: false };
  const ends = [["A", endA.value], ["B", endB.value]]
    .filter(([, end]) => end && end.run === arrays.run)
    .map(([name, end]) => ({ name, place: placeOf(arrays, end.latent) }))
    .filter((end) => end.place);
  if (ends.length < 2 || !wayLatents.value) return { ends, way: [], isLine: false };
  const way = wayLatents.value.map((latent) => placeOf(arrays, latent)).filter(Boolean);
  // without an inverse the places jump from neighbors to neighbors: dots say so, a line would not
  return { ends, way, isLine: layout.value.method === "axes" || layout.value.method === "pca" };
});
