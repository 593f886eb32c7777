// An image of the set or of a decoder: drawn at its own size, shown in whole multiples of its pixels where it is small.

import { useLayoutEffect, useRef } from "preact/hooks";

const SMOOTH_FROM = 96; // pixels: larger images are scaled like photographs

export function drawImage(context, image, [height, width, channels]) {
  const pixels = context.createImageData(width, height);
  for (let i = 0, from = 0, to = 0; i < width * height; i++, from += channels, to += 4) {
    pixels.data[to] = image[from];
    pixels.data[to + 1] = image[from + (channels >= 3 ? 1 : 0)];
    pixels.data[to + 2] = image[from + (channels >= 3 ? 2 : 0)];
    pixels.data[to + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}

/** The picture's CSS size inside of a square box. */
export function shownSize([height, width], box) {
  const longest = Math.max(height, width);
  const exact = box / longest;
  // from four times on nobody sees that some pixels are one wider than others; under two times they are blurred instead
  const scale = longest < SMOOTH_FROM && exact >= 2 && exact < 4 ? Math.floor(exact) : exact;
  return { width: width * scale, height: height * scale, isSmooth: longest >= SMOOTH_FROM || exact * (window.devicePixelRatio || 1) < 2 };
}

export function Picture({ image, shape, box, label }) {
  const canvas = useRef(null);
  const [height, width] = shape;
  useLayoutEffect(() => {
    if (image && canvas.current) drawImage(canvas.current.getContext("2d"), image, shape);
  }, [image, width, height]);
  const shown = shownSize(shape, box);
  return (
    <canvas
      ref={canvas} width={width} height={height} role="img" aria-label={label}
      class={`picture ${shown.isSmooth ? "smooth" : ""} ${image ? "" : "empty"}`}
      style={{ width: `${shown.width}px`, height: `${shown.height}px` }}
    />
  );
}
