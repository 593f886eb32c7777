// Frames of a morph as a file: an animated GIF, an animated WebP, or a strip of pictures as PNG.

import { applyPalette, GIFEncoder, quantize } from "gifenc";
import { drawImage } from "../parts/Picture.jsx";
import { animatedWebp } from "./webp.js";

const DELAY_MS = 60;
const LEAST_SIDE = 160; // pixels: small images are saved in whole multiples of theirs
const GAP = 2; // between the pictures of a strip, in pixels of the images

export async function save(kind, frames, shape, shown) {
  const name = `morph.${kind}`;
  if (kind === "png") return download(name, await blobOf(strip(shown.map((n) => frames[n]), shape), "image/png"));
  // to B and back, so that it has no jump
  const played = [...frames, ...frames.slice(1, -1).reverse()];
  if (kind === "gif") return download(name, new Blob([gif(played, shape)], { type: "image/gif" }));
  const stills = [];
  for (const frame of played) {
    const blob = await blobOf(enlarged(frame, shape), "image/webp");
    if (blob.type !== "image/webp") throw new Error("This browser cannot write WebP. Save a GIF instead.");
    stills.push(new Uint8Array(await blob.arrayBuffer()));
  }
  const [height, width] = sidesOf(shape);
  return download(name, new Blob([animatedWebp(stills, width, height, DELAY_MS)], { type: "image/webp" }));
}

function gif(frames, shape) {
  const [height, width] = sidesOf(shape);
  const encoder = GIFEncoder();
  for (const frame of frames) {
    const { data } = enlarged(frame, shape).getContext("2d").getImageData(0, 0, width, height);
    const palette = quantize(data, 256);
    encoder.writeFrame(applyPalette(data, palette), width, height, { palette, delay: DELAY_MS });
  }
  encoder.finish();
  return encoder.bytes();
}

const factorOf = ([height, width]) => Math.max(1, Math.ceil(LEAST_SIDE / Math.max(height, width)));
const sidesOf = (shape) => [shape[0] * factorOf(shape), shape[1] * factorOf(shape)];

function enlarged(image, shape) {
  const [height, width] = sidesOf(shape);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const small = still(image, shape);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, width, height);
  return canvas;
}

function still(image, shape) {
  const canvas = Object.assign(document.createElement("canvas"), { width: shape[1], height: shape[0] });
  drawImage(canvas.getContext("2d"), image, shape);
  return canvas;
}

function strip(images, shape) {
  const [height, width] = sidesOf(shape);
  const gap = GAP * factorOf(shape);
  const canvas = Object.assign(document.createElement("canvas"), { width: images.length * (width + gap) - gap, height });
  const context = canvas.getContext("2d");
  images.forEach((image, n) => context.drawImage(enlarged(image, shape), n * (width + gap), 0));
  return canvas;
}

export const blobOf = (canvas, type) =>
  new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The picture could not be written."))), type, 1));

/** An image of the set as a PNG file's bytes, with exactly its pixels. */
export async function pngOf(image, shape) {
  return (await blobOf(still(image, shape), "image/png")).arrayBuffer();
}

function download(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
