// Draws the points into the pixels of a canvas. 60,000 points take some milliseconds on one core, and need no graphics card: in a
// browser without one a WebGL map takes a hundred times longer.

const STEPS = 3; // sub-pixel positions along each axis, so that points glide when the map moves

/** A disc's pixels at a sub-pixel offset: [distance in the buffer, share 0..256, ...], shares already times the opacity. */
function disc(radius, opacity, width, offsetX, offsetY) {
  const out = [];
  const reach = Math.ceil(radius + 1);
  for (let dy = -reach; dy <= reach; dy++)
    for (let dx = -reach; dx <= reach; dx++) {
      const coverage = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(dx - offsetX, dy - offsetY)));
      if (coverage > 0.04) out.push(dy * width + dx, Math.round(coverage * opacity * 256));
    }
  return Int32Array.from(out);
}

const masks = new Map();
function masksOf(radius, opacity, width) {
  const step = Math.round(radius * 4) / 4;
  const key = `${step}/${opacity}/${width}`;
  if (!masks.has(key)) {
    if (masks.size > 200) masks.clear(); // windows were resized
    const offsets = Array.from({ length: STEPS }, (_, n) => (n + 0.5) / STEPS - 0.5);
    masks.set(key, offsets.flatMap((y) => offsets.map((x) => disc(step, opacity, width, x, y))));
  }
  return masks.get(key);
}

/**
 * @param pixels Int32Array of width * height, a canvas' bytes
 * @param scene order (of drawing; places near to each other come one after the other, which is kind to a processor's cache), points (x, y, ...), shades (a color number per point), colors (Int32Array by color number), isFaint (Uint8Array by color
 *   number), chosen (Uint8Array by point, or null): what is faint, or not chosen, lies below
 * @param view {x, y, scale}: the place in the middle, and device pixels per unit
 */
export function drawPoints(pixels, width, height, scene, view, { background, faint, radius, opacity }) {
  pixels.fill(0xff000000 | background);
  const { order, points, shades, colors, isFaint, chosen } = scene;
  const hasBelow = chosen !== null || isFaint.includes(1);
  const margin = Math.ceil(radius + 2);
  const left = width / 2 - view.x * view.scale, top = height / 2 + view.y * view.scale, scale = view.scale;
  const right = width - margin, bottom = height - margin;
  for (let pass = hasBelow ? 0 : 1; pass < 2; pass++) {
    const made = masksOf(radius, pass === 0 ? opacity * 0.6 : opacity, width);
    for (let n = 0; n < order.length; n++) {
      const i = order[n];
      const x = left + points[2 * i] * scale, y = top - points[2 * i + 1] * scale;
      if (!(x > margin && y > margin && x < right && y < bottom)) continue;
      const shade = shades[i];
      if (hasBelow && (isFaint[shade] === 1 || (chosen !== null && chosen[i] === 0)) !== (pass === 0)) continue;
      const column = x | 0, row = y | 0;
      const mask = made[(((y - row) * STEPS) | 0) * STEPS + (((x - column) * STEPS) | 0)];
      blend(pixels, row * width + column, mask, pass === 0 ? faint : colors[shade]);
    }
  }
}

function blend(pixels, place, mask, color) {
  const red = color & 0xff00ff, green = color & 0x00ff00;
  for (let m = 0; m < mask.length; m += 2) {
    const at = place + mask[m], share = mask[m + 1];
    const under = pixels[at];
    const underRed = under & 0xff00ff, underGreen = under & 0x00ff00;
    // two channels at a time; what runs over the top is masked away
    const mixedRed = (underRed + (Math.imul(red - underRed, share) >> 8)) & 0xff00ff;
    const mixedGreen = (underGreen + (Math.imul(green - underGreen, share) >> 8)) & 0x00ff00;
    pixels[at] = 0xff000000 | mixedRed | mixedGreen;
  }
}
