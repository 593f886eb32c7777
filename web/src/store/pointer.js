// The crosshair on the map, and the picture that follows it.

import { effect, signal } from "@preact/signals";
import { latest } from "../math/latest.js";
import { decodeOne, labelFor, toldClass } from "./decoding.js";
import { imagesOf } from "./images.js";
import { kept } from "./kept.js";
import { inverse, layout } from "./map.js";
import { attempt, say } from "./notices.js";
import { howWords, latentAt } from "./places.js";
import { data, pointWords } from "./run.js";

/** {x, y} on the map, or null while the pointer has not been there. */
export const crosshair = signal(null);
/** {image, nearest, nearestImage, distance, latent, label, how} */
export const pointed = signal(null);

const follow = latest(async ({ place, isSpoken }) => {
  const arrays = data.value, map = layout.value;
  if (!arrays || layout.value.state !== "ready" || layout.value.run !== arrays.run) return;
  const one = arrays.run;
  const base = inverse.value === "axes" && kept.value?.run === one ? kept.value.latent : null;
  const found = latentAt(arrays, place, base);
  const label = labelFor(one, arrays.labels?.[found.nearest]);
  const how = howWords(one, Boolean(base));
  await attempt("pointer", async () => {
    const original = imagesOf(one, [found.nearest]);
    original.catch(() => {}); // the picture itself matters more; it fails below
    const image = found.latent ? await decodeOne(one, found.latent, label) : (await original)[0];
    if (data.value !== arrays || layout.value !== map) return;
    pointed.value = { ...found, image, label, how, place, nearestImage: pointed.value?.nearest === found.nearest ? pointed.value.nearestImage : null };
    if (isSpoken) say(`${how}, nearest: ${pointWords(one, arrays, found.nearest)}`);
    const [nearestImage] = await original;
    if (pointed.value?.place === place) pointed.value = { ...pointed.value, nearestImage };
  });
});

/** `isSpoken`: what is there is said to screen readers, which is for steps of the keyboard only. */
export function point(place, isSpoken = false) {
  crosshair.value = place;
  follow({ place, isSpoken });
}

// another map, or another class for the decoder: the same place means another picture
effect(() => {
  toldClass.value;
  if (layout.value.state !== "ready") {
    crosshair.value = null;
    pointed.value = null;
  } else if (crosshair.peek()) {
    follow({ place: crosshair.peek(), isSpoken: false });
  }
});
