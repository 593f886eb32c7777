// What a click on the map, or Enter, keeps: the image under the pointer where there is one, otherwise what lies between the images.

import { areShown, SIDE } from "../map/Thumbnails.jsx";
import { keepLatent, keepPoint, kept } from "./kept.js";
import { camera, inverse, layout } from "./map.js";
import { latentAt } from "./places.js";
import { can, data } from "./run.js";
import { tab } from "./selection.js";

const HIT = 6; // CSS pixels from a point

export function keepAt(place) {
  const arrays = data.value;
  if (!arrays || layout.value.state !== "ready" || layout.value.run !== arrays.run) return;
  const base = inverse.value === "axes" && kept.value?.run === arrays.run ? kept.value.latent : null;
  const found = latentAt(arrays, place, base);
  if (tab.value === "selection" || tab.value === "mistakes") tab.value = "kept";
  if (found.latent === null || !can(arrays.run, "decode") || found.distance * camera.value.scale <= (areShown.value ? SIDE / 2 : HIT)) keepPoint(found.nearest);
  else keepLatent(found.latent, "a place between the images");
}
