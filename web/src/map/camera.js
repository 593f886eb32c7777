// The part of the map that is seen: {x, y} in the middle, `scale` in CSS pixels per unit; y points up.

export function fitted(box, width, height) {
  const scale = 0.9 * Math.min(width / Math.max(box.width, 1e-9), height / Math.max(box.height, 1e-9));
  return { x: (box.left + box.right) / 2, y: (box.bottom + box.top) / 2, scale };
}

export const toScreen = (camera, size, x, y) => ({
  left: (x - camera.x) * camera.scale + size.width / 2,
  top: size.height / 2 - (y - camera.y) * camera.scale,
});

export const toMap = (camera, size, left, top) => ({
  x: (left - size.width / 2) / camera.scale + camera.x,
  y: (size.height / 2 - top) / camera.scale + camera.y,
});

export const moved = (camera, dx, dy) => ({ ...camera, x: camera.x - dx / camera.scale, y: camera.y + dy / camera.scale });

/** Zoomed by `factor` around a place on the screen, which stays where it is; from a quarter of the fitted scale to 400 times it. */
export function zoomed(camera, size, left, top, factor, fittedScale) {
  const fixed = toMap(camera, size, left, top);
  const scale = Math.min(400 * fittedScale, Math.max(0.25 * fittedScale, camera.scale * factor));
  return {
    x: fixed.x - (left - size.width / 2) / scale,
    y: fixed.y - (size.height / 2 - top) / scale,
    scale,
  };
}
