// Images of the set, asked for in batches and kept for a while.

import { source } from "./run.js";

const BATCH = 256;
const MOST = 6000; // images kept, all runs together
const kept = new Map(); // "run/index" -> Promise of Uint8Array

export const pixelsOf = (one) => one.image[0] * one.image[1] * one.image[2];

/** @returns {Promise<Uint8Array[]>} one array of height * width * channels per index */
export function imagesOf(one, indices) {
  const missing = [...new Set(indices)].filter((index) => !kept.has(`${one.id}/${index}`));
  for (let start = 0; start < missing.length; start += BATCH) load(one, missing.slice(start, start + BATCH));
  const promises = indices.map((index) => kept.get(`${one.id}/${index}`));
  while (kept.size > MOST) kept.delete(kept.keys().next().value);
  return Promise.all(promises);
}

function load(one, batch) {
  const all = source.current.images(one, batch);
  batch.forEach((index, n) => {
    const key = `${one.id}/${index}`;
    const promise = all.then((bytes) => bytes.slice(n * pixelsOf(one), (n + 1) * pixelsOf(one)));
    promise.catch(() => kept.delete(key));
    kept.set(key, promise);
  });
}
