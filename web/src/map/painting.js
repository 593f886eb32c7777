// From signals to pixels: what the drawing depends on, and the drawing.

import { packed } from "../math/colors.js";
import { coloring, muted, packedColors } from "../store/coloring.js";
import { camera, fittedScale, layout, size } from "../store/map.js";
import { chosenPoints } from "../store/selection.js";
import { isDark } from "../store/theme.js";
import { drawPoints } from "./raster.js";

let buffer = null; // ImageData of the canvas' size, kept between frames

/** Reads every signal that a drawing needs, so that a change of one of them asks for the next. */
function inputs() {
  return {
    layout: layout.value, size: size.value, camera: camera.value, coloring: coloring.value, colors: packedColors.value,
    muted: muted.value, chosen: chosenPoints.value, isDark: isDark.value, fittedScale: fittedScale.value,
  };
}

function draw(canvas) {
  const given = inputs();
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(given.size.width * ratio), height = Math.round(given.size.height * ratio);
  if (width < 1 || height < 1) return;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d", { alpha: false });
  if (buffer === null || buffer.width !== width || buffer.height !== height) buffer = context.createImageData(width, height);
  const pixels = new Int32Array(buffer.data.buffer);
  const background = packed(given.isDark ? "#15171c" : "#ffffff");
  if (given.layout.state !== "ready" || !given.coloring || given.coloring.shades.length * 2 !== given.layout.points.length) {
    pixels.fill(0xff000000 | background);
  } else {
    const { points, grid } = given.layout;
    const isFaint = new Uint8Array(given.colors.length);
    for (const number of given.muted) isFaint[number] = 1;
    const scene = { order: grid.order, points, shades: given.coloring.shades, colors: given.colors, isFaint, chosen: given.chosen };
    const look = { background, faint: packed(given.isDark ? "#2e323b" : "#e3e5e9"), ...lookOf(points.length / 2, given, ratio) };
    drawPoints(pixels, width, height, scene, { x: given.camera.x, y: given.camera.y, scale: given.camera.scale * ratio }, look);
  }
  context.putImageData(buffer, 0, 0);
}

/** Few points are drawn large, many small; all of them grow while the map is zoomed. */
function lookOf(num, given, ratio) {
  const nearness = Math.max(1, given.camera.scale / given.fittedScale);
  const base = num > 30_000 ? 1.1 : num > 8_000 ? 1.5 : num > 2_000 ? 2 : 2.8;
  const radius = Math.min(4.5, base * nearness ** 0.33);
  return { radius: radius * ratio, opacity: num > 8_000 && nearness < 4 ? 0.8 : 0.92 };
}

export const paint = { inputs, draw };
