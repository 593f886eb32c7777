// The map by keyboard.

import { toMap, toScreen, moved, zoomed } from "./camera.js";
import { camera, fit, fittedScale, layout, size } from "../store/map.js";
import { keepAt } from "../store/keeping.js";
import { crosshair, point } from "../store/pointer.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 8; // CSS pixels; with Shift five times as far

export function onKey(event) {
  if (layout.value.state !== "ready" || event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (arrow) step(arrow, event.shiftKey ? 5 * STEP : STEP);
  else if (event.key === "Enter" || event.key === " ") keepAt(crosshair.value ?? camera.value);
  else if (event.key === "+" || event.key === "=") zoom(1.25);
  else if (event.key === "-") zoom(0.8);
  else if (event.key === "0") fit();
  else return;
  event.preventDefault();
}

function step([dx, dy], far) {
  const from = crosshair.value ? toScreen(camera.value, size.value, crosshair.value.x, crosshair.value.y) : middle();
  const to = { left: from.left + dx * far, top: from.top + dy * far };
  point(toMap(camera.value, size.value, to.left, to.top), true);
  // the map follows a crosshair that leaves it
  const { width, height } = size.value;
  const over = (value, most) => (value < 24 ? 24 - value : value > most - 24 ? most - 24 - value : 0);
  const x = over(to.left, width), y = over(to.top, height);
  if (x || y) camera.value = moved(camera.value, x, y);
}

/** Around the crosshair, or the middle where there is none. */
export function zoom(factor) {
  const at = crosshair.value ? toScreen(camera.value, size.value, crosshair.value.x, crosshair.value.y) : middle();
  camera.value = zoomed(camera.value, size.value, at.left, at.top, factor, fittedScale.value);
}

const middle = () => ({ left: size.value.width / 2, top: size.value.height / 2 });
