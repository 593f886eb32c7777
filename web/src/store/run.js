// Which run is looked at, and the arrays that came with it.

import { computed, signal } from "@preact/signals";
import { valueWords } from "../math/quantity.js";

export const source = { current: null };
export const about = signal(null);
export const runId = signal(0);
export const run = computed(() => about.value?.runs.find((one) => one.id === runId.value) ?? null);
/** {run, latents, labels, splits, predicted, numbers, shown, read (the number that an image shows, and what is read)}: null while it is loaded; arrays that a run does not have are null. */
export const data = signal(null);

/** Why the arrays of the run could not be loaded; null while they may be. */
export const failure = signal(null);

const loaded = new Map();

/** Arrays are loaded once for a run. */
export function arrayOf(one, name) {
  const key = `${one.id}/${name}`;
  if (!loaded.has(key)) {
    const promise = source.current.array(one, name).then((array) => array?.data ?? null);
    promise.catch(() => loaded.delete(key)); // asked again next time
    loaded.set(key, promise);
  }
  return loaded.get(key);
}

/** Whether it reads numbers on a circle. */
const reads = (one) => Boolean(one.quantity) && one.values.some(({ id }) => id === "read");

export async function dataOf(one) {
  const [latents, labels, splits, predicted, numbers, shown, read] = await Promise.all([
    one.latents ? arrayOf(one, "latents") : null,
    arrayOf(one, "labels"),
    arrayOf(one, "splits"),
    one.has_mistakes ? arrayOf(one, "predicted") : null,
    one.is_sample ? arrayOf(one, "numbers") : null,
    reads(one) ? arrayOf(one, "values/value") : null,
    reads(one) ? arrayOf(one, "values/read") : null,
  ]);
  return { run: one, latents, labels, splits, predicted, numbers, shown, read };
}

export async function chooseRun(id) {
  runId.value = id;
  data.value = null;
  failure.value = null;
  const chosen = run.value;
  try {
    const arrays = await dataOf(chosen);
    if (runId.value === id) data.value = arrays;
  } catch (error) {
    if (runId.value === id) failure.value = error.message || String(error);
  }
}

export const can = (one, what) => source.current.can(one, what);
export const decodes = computed(() => run.value !== null && can(run.value, "decode"));

/** In what the coordinates of a run are counted: a prior has mean 0 and deviation 1; where there is none, those of the images are used. */
export const unitOf = (one) => (one.deviation.every((each) => each === 1) ? "the prior" : "the images' latents");

export const className = (one, label) => (label >= 0 && label < one.classes.length ? one.classes[label] : null);

/** Whether the classes of the points are what a classifier says: samples have none of their own, unless the net is told one. */
export const isJudged = (one) => Boolean(one.labeled_by);

/** A user's picture by its file; others by their number in the set, which is not the point's where the points are a sample. */
export function pointName(arrays, index) {
  const own = arrays.run.pictures.find((picture) => picture.index === index);
  const number = arrays.numbers?.[index] ?? index;
  return own ? own.name : `${arrays.run.subject === "samples" ? "sample" : "image"} ${number.toLocaleString("en")}`;
}

/** The point that is an image of the set by its number; -1 where there is none. The user's own pictures have no number. */
export function pointWith(arrays, number) {
  const own = new Set(arrays.run.pictures.map((picture) => picture.index));
  return arrays.numbers.findIndex((one, index) => one === number && !own.has(index));
}

/** "image 1,234, class 7, test": what is known of a point, in words. */
export const pointWords = (one, arrays, index) => [pointName(arrays, index), pointFacts(one, arrays, index)].filter(Boolean).join(", ");

/** "class 7, test"; of a sample, "classified as 7": it has no class of its own. */
export function pointFacts(one, arrays, index) {
  const parts = [];
  const label = arrays?.labels ? className(one, arrays.labels[index]) : null;
  if (label !== null) parts.push(isJudged(one) ? `classified as ${label}` : `class ${label}`);
  if (Number.isFinite(arrays?.shown?.[index])) parts.push(`shows ${valueWords(one.quantity, arrays.shown[index])}`);
  const split = arrays?.splits && one.subject !== "samples" ? one.splits[arrays.splits[index]] : null;
  if (split) parts.push(split);
  return parts.join(", ");
}
