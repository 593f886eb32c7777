// Draws the points into the pixels of a canvas. 60,000 points take a few milliseconds on one core, and need no graphics card: in
// a browser without one a WebGL map takes a hundred times longer.

const STEPS = 3; // sub-pixel positions along each axis, so that points glide when the map moves

/** A disc's share of each pixel, at a sub-pixel offset: [[dx, dy, coverage 0..256], ...]. */
function disc(radius, offsetX, offsetY) {
  const out = [];
  const reach = Math.ceil(radius + 1);
  for (let dy = -reach; dy <= reach; dy++)
    for (let dx = -reach; dx <= reach; dx++) {
      const distance = Math.hypot(dx - offsetX, dy - offsetY);
      const coverage = Math.min(1, Math.max(0, radius + 0.5 - distance));
      if (coverage > 0.04) out.push(dx, dy, Math.round(coverage * 256));
    }
  return Int32Array.from(out);
}

const masks = new Map();
function masksOf(radius) {
  const key = Math.round(radius * 4) / 4;
  if (!masks.has(key)) {
    const made = [];
    for (let y = 0; y < STEPS; y++)
      for (let x = 0; x < STEPS; x++) made.push(disc(key, (x + 0.5) / STEPS - 0.5, (y + 0.5) / STEPS - 0.5));
    masks.set(key, made);
  }
  return masks.get(key);
}

/**
 * @param pixels Uint32Array of width * height
 * @param scene points (x, y, ...), shades (a color number per point), colors (Uint32Array by color number), isFaint (Uint8Array by color
 *   number), chosen (Uint8Array by point, or null): what is faint, or not chosen, lies below
 * @param view {x, y, scale}: the place in the middle, and device pixels per unit
 */
export function drawPoints(pixels, width, height, scene, view, { background, faint, radius, opacity }) {
  pixels.fill((0xff000000 | background) >>> 0);
  const { points, shades, colors, isFaint, chosen } = scene;
  const num = points.length / 2;
  const made = masksOf(radius);
  const margin = Math.ceil(radius + 2);
  const stride = strideOf(num);
  for (let pass = 0; pass < 2; pass++) {
    for (let n = 0, i = 0; n < num; n++, i = (i + stride) % num) {
      const shade = shades[i];
      const isBelow = isFaint[shade] === 1 || (chosen !== null && chosen[i] === 0);
      if (isBelow !== (pass === 0)) continue;
      const x = (points[2 * i] - view.x) * view.scale + width / 2;
      const y = height / 2 - (points[2 * i + 1] - view.y) * view.scale;
      if (!(x > margin && y > margin && x < width - margin && y < height - margin)) continue;
      const left = Math.floor(x), top = Math.floor(y);
      const mask = made[Math.floor((y - top) * STEPS) * STEPS + Math.floor((x - left) * STEPS)];
      blend(pixels, width, left, top, mask, isBelow ? faint : colors[shade], isBelow ? opacity * 0.6 : opacity);
    }
  }
}

function blend(pixels, width, left, top, mask, color, opacity) {
  const red = color & 0xff00ff, green = color & 0x00ff00;
  for (let m = 0; m < mask.length; m += 3) {
    const at = (top + mask[m + 1]) * width + left + mask[m];
    const alpha = (mask[m + 2] * opacity) | 0;
    const under = pixels[at];
    const underRed = under & 0xff00ff, underGreen = under & 0x00ff00;
    // two channels at a time; what runs over the top is masked away
    const mixedRed = (underRed + (Math.imul(red - underRed, alpha) >>> 8)) & 0xff00ff;
    const mixedGreen = (underGreen + (Math.imul(green - underGreen, alpha) >> 8)) & 0x00ff00;
    pixels[at] = (0xff000000 | mixedRed | mixedGreen) >>> 0;
  }
}

// points are drawn in a scattered order: sets that are sorted by class would otherwise have the last class on top
function strideOf(num) {
  let stride = Math.max(1, Math.floor(num * 0.618));
  while (gcd(stride, num) !== 1) stride++;
  return stride;
}

const gcd = (a, b) => (b ? gcd(b, a % b) : a);
