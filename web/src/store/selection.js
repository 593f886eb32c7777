// Points that a lasso, a search or a button selected.

import { computed, signal } from "@preact/signals";
import { pointsInside } from "../math/polygon.js";
import { layout, camera, size } from "./map.js";
import { say } from "./notices.js";
import { data } from "./run.js";

/** {indices, how} or null */
export const selection = signal(null);
export const mode = signal("explore"); // explore | lasso
export const tab = signal("kept");

/** A Uint8Array by point, for drawing; null where nothing is selected. */
export const chosenPoints = computed(() => {
  if (!selection.value || !data.value) return null;
  const chosen = new Uint8Array(data.value.run.num);
  for (const index of selection.value.indices) chosen[index] = 1;
  return chosen;
});

export function select(indices, how) {
  selection.value = indices.length ? { indices: Int32Array.from(indices), how } : null;
  if (indices.length) tab.value = "selection";
  say(indices.length ? `${indices.length.toLocaleString("en")} selected` : "Nothing selected");
}

export const selectInside = (polygon) => select(pointsInside(layout.value.points, polygon), "inside of the lasso");

export function selectView() {
  if (layout.value.state !== "ready") return;
  const { x, y, scale } = camera.value;
  const right = size.value.width / 2 / scale, top = size.value.height / 2 / scale;
  select(layout.value.grid.inside(x - right, y - top, x + right, y + top), "in view");
}

export function deselect() {
  selection.value = null;
  if (tab.value === "selection") tab.value = "kept";
}
