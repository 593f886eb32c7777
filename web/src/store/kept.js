// The picture that a click keeps: its latent can then be changed by sliders, decoded by other runs and compared with images of the set.

import { computed, signal } from "@preact/signals";
import { latest } from "../math/latest.js";
import { nearestRows } from "../math/vectors.js";
import { decodeOne, labelFor } from "./decoding.js";
import { imagesOf } from "./images.js";
import { layout } from "./map.js";
import { attempt, say } from "./notices.js";
import { latentOf, meanPlace, placeOf, pointPlace } from "./places.js";
import { can, data, pointFacts, pointName, pointWords } from "./run.js";

/**
 * {run, name, facts, words (both), index (of a point, or null), label (class, or null), anchor (latent as it was kept), latent (as the sliders have it now),
 *  original (pixels of an image, or null), image (decoded, else the original), nearest ({points, distances} from the server, or null), reading ({value, confidence} of a user's picture, or null), note}
 */
export const kept = signal(null);

/** Whether a picture is on its way. */
export const isComing = signal(false);

export const isChanged = computed(() => {
  const one = kept.value;
  return Boolean(one?.anchor) && one.latent.some((value, d) => value !== one.anchor[d]);
});

/** Where the kept picture is on the map, or null where that is not known. */
export const keptPlace = computed(() => {
  const one = kept.value;
  const arrays = data.value;
  if (!one || !arrays || one.run !== arrays.run || layout.value.state !== "ready" || layout.value.run !== one.run) return null;
  if (one.index !== null && !isChanged.value) return pointPlace(one.index);
  if (one.latent) return placeOf(arrays, one.latent);
  return one.nearest ? meanPlace(layout.value.points, one.nearest.points.slice(0, 4), one.nearest.distances.slice(0, 4)) : null;
});

const show = latest(async (asked) => {
  await attempt("kept", async () => {
    const image = asked.latent && can(asked.run, "decode") ? await decodeOne(asked.run, asked.latent, labelFor(asked.run, asked.label)) : asked.original;
    if (kept.value?.token === asked.token) kept.value = { ...kept.value, image };
  });
});

let asked = 0; // pictures that were to be kept: an older one that comes later is dropped

function keep(one) {
  asked++;
  isComing.value = false;
  kept.value = { index: null, label: null, original: null, image: null, nearest: null, note: null, anchor: one.latent, ...one, token: Symbol("kept") };
  say(`Kept: ${one.words}`);
  show(kept.value);
}

export async function keepPoint(index) {
  const arrays = data.value;
  const one = arrays.run;
  const ticket = ++asked;
  isComing.value = true;
  const found = await attempt("kept", () => imagesOf(one, [index]));
  if (ticket !== asked) return;
  isComing.value = false;
  if (!found || data.value !== arrays) return;
  keep({
    run: one, index, original: found[0], image: found[0], latent: latentOf(arrays, index),
    note: one.pictures.find((picture) => picture.index === index)?.note, label: labelOf(arrays, index), name: pointName(arrays, index), facts: pointFacts(one, arrays, index), words: pointWords(one, arrays, index),
  });
}

/** A point's class; where it is not known, as of a user's picture, that of the nearest images. */
function labelOf(arrays, index) {
  const label = arrays.labels?.[index] ?? null;
  if (label !== -1) return label;
  return arrays.latents ? classAround(arrays, latentOf(arrays, index)) : null;
}

/** A place between the points; its class is that of the nearest images in the latent space. */
export function keepLatent(latent, words, label = null) {
  const arrays = data.value;
  keep({ run: arrays.run, latent, words, name: words, label: label ?? classAround(arrays, latent) });
}

export function keepFile(answer, name) {
  const arrays = data.value;
  const own = answer.latent && answer.latent.length === arrays.run.latents ? answer.latent : null;
  keep({
    run: arrays.run, latent: own, original: answer.image, image: answer.image, name, words: `${name}, your picture`, facts: "your picture",
    note: answer.note, reading: answer.reading ?? null, nearest: answer.nearest ?? null, label: own ? classAround(arrays, own) : null,
  });
}

export function change(latent) {
  kept.value = { ...kept.value, latent };
  show(kept.value);
}

/** The class that most of the five nearest images have; null where images have no classes. */
export function classAround(arrays, latent) {
  if (!arrays.labels || arrays.run.classes.length === 0) return null;
  const counts = new Map();
  for (const index of nearestRows(arrays.latents, arrays.run.latents, latent, 5).indices) {
    const label = arrays.labels[index];
    if (label >= 0) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

export function forget() {
  kept.value = null;
}
