// Latents into pictures, in requests of at most 256.

import { signal } from "@preact/signals";
import { source } from "./run.js";
import { pixelsOf } from "./images.js";

const BATCH = 256;
/** Of conditional runs: the class that the decoder is told, or null for the class of the nearest image. */
export const toldClass = signal(null);

/** @returns {Promise<Uint8Array[]>} */
export async function decodeAll(one, latents, label = null) {
  const pictures = [];
  for (let start = 0; start < latents.length; start += BATCH) {
    const batch = latents.slice(start, start + BATCH);
    const body = new Float32Array(batch.length * one.latents);
    batch.forEach((latent, n) => body.set(latent, n * one.latents));
    const bytes = await source.current.decode(one, body, label);
    for (let n = 0; n < batch.length; n++) pictures.push(bytes.subarray(n * pixelsOf(one), (n + 1) * pixelsOf(one)));
  }
  return pictures;
}

export const decodeOne = async (one, latent, label = null) => (await decodeAll(one, [latent], label))[0];

/** What a decoder is told: nothing, unless its run is conditional. */
export const labelFor = (one, nearestLabel) =>
  one.conditional.length === 0 ? null : (toldClass.value ?? Math.max(nearestLabel ?? 0, 0));
