// Images on the map, when it is near enough that few points are in view; none covers another.

import { signal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { drawImage } from "../parts/Picture.jsx";
import { coloring, muted } from "../store/coloring.js";
import { imagesOf } from "../store/images.js";
import { camera, layout, size } from "../store/map.js";
import { data } from "../store/run.js";
import { latest } from "../math/latest.js";
import { freePlaces } from "../math/free.js";
import { toScreen } from "./camera.js";

const MOST_IN_VIEW = 400;
export const SIDE = 34; // CSS pixels
/** Whether there are any: a click on one of them means its image. */
export const areShown = signal(false);

export function Thumbnails() {
  const canvas = useRef(null);
  const draw = useRef(latest(async ({ arrays, map, shown, view, dimensions }) => {
    const images = shown.length ? await imagesOf(arrays.run, shown).catch(() => []) : [];
    if (canvas.current && layout.value === map) paint(canvas.current, images, arrays.run.image, shown, view, dimensions);
  }));
  useSignalEffect(() => {
    const arrays = data.value;
    const view = camera.value;
    const dimensions = size.value;
    const map = layout.value;
    muted.value;
    coloring.value;
    if (!arrays || map.state !== "ready" || map.run !== arrays.run || !dimensions.width) {
      areShown.value = false;
      canvas.current?.getContext("2d").clearRect(0, 0, canvas.current.width, canvas.current.height);
      return;
    }
    const shown = inView(view, dimensions);
    areShown.value = shown.length > 0;
    draw.current({ arrays, map, shown, view, dimensions });
  });
  return <canvas ref={canvas} class="thumbnails" aria-hidden="true" />;
}

function inView(view, { width, height }) {
  const { grid, points } = layout.value;
  const right = width / 2 / view.scale, top = height / 2 / view.scale;
  const found = grid.inside(view.x - right, view.y - top, view.x + right, view.y + top, MOST_IN_VIEW + 1);
  if (found.length > MOST_IN_VIEW) return [];
  const isFree = freePlaces(SIDE + 8);
  return found.filter((index) => {
    if (muted.value.size && muted.value.has(coloring.value?.shades[index])) return false;
    const at = toScreen(view, { width, height }, points[2 * index], points[2 * index + 1]);
    if (at.left < 0 || at.top < 0) return false;
    // places of the map and not of the screen: a thumbnail stays while the map is dragged
    return isFree(points[2 * index] * view.scale, points[2 * index + 1] * view.scale);
  });
}

const stamp = document.createElement("canvas");

function paint(canvas, images, shape, shown, view, dimensions) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(dimensions.width * ratio);
  canvas.height = Math.round(dimensions.height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.imageSmoothingEnabled = Math.max(shape[0], shape[1]) > SIDE * ratio;
  [stamp.height, stamp.width] = shape;
  const { points } = layout.value;
  const colors = coloring.value;
  images.forEach((image, n) => {
    const at = toScreen(view, dimensions, points[2 * shown[n]], points[2 * shown[n] + 1]);
    drawImage(stamp.getContext("2d"), image, shape);
    const longest = Math.max(...shape.slice(0, 2));
    const width = (SIDE * shape[1]) / longest, height = (SIDE * shape[0]) / longest;
    context.drawImage(stamp, at.left - width / 2, at.top - height / 2, width, height);
    context.strokeStyle = colors ? colors.colors[colors.shades[shown[n]]] : "#888";
    context.lineWidth = 2;
    context.strokeRect(at.left - width / 2 - 1, at.top - height / 2 - 1, width + 2, height + 2);
  });
}
