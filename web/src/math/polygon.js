/** Points (x, y, x, y, ...) that lie inside of a polygon (the same layout), by the even-odd rule. */
export function pointsInside(points, polygon) {
  let left = Infinity, right = -Infinity, bottom = Infinity, top = -Infinity;
  for (let i = 0; i < polygon.length; i += 2) {
    left = Math.min(left, polygon[i]);
    right = Math.max(right, polygon[i]);
    bottom = Math.min(bottom, polygon[i + 1]);
    top = Math.max(top, polygon[i + 1]);
  }
  const inside = [];
  for (let i = 0; i < points.length / 2; i++) {
    const x = points[2 * i], y = points[2 * i + 1];
    if (x >= left && x <= right && y >= bottom && y <= top && contains(polygon, x, y)) inside.push(i);
  }
  return inside;
}

function contains(polygon, x, y) {
  let isInside = false;
  for (let i = 0, j = polygon.length - 2; i < polygon.length; j = i, i += 2) {
    const crosses = polygon[i + 1] > y !== polygon[j + 1] > y;
    if (crosses && x < ((polygon[j] - polygon[i]) * (y - polygon[i + 1])) / (polygon[j + 1] - polygon[i + 1]) + polygon[i]) {
      isInside = !isInside;
    }
  }
  return isInside;
}
