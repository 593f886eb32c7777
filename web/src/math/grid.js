// The nearest points on the map, by a grid of cells that each hold about eight points.

/** @returns {{nearest: (x: number, y: number, k: number) => {indices: number[], distances: number[]}, inside: Function}} */
export function makeGrid(points) {
  const num = points.length / 2;
  const box = boundsOf(points);
  const area = Math.max(box.width, 1e-9) * Math.max(box.height, 1e-9);
  const side = Math.max(Math.sqrt((area * 8) / Math.max(num, 1)), Math.max(box.width, box.height, 1e-9) / 512);
  const columns = Math.floor(box.width / side) + 1;
  const rows = Math.floor(box.height / side) + 1;
  const column = (x) => Math.min(columns - 1, Math.max(0, Math.floor((x - box.left) / side)));
  const row = (y) => Math.min(rows - 1, Math.max(0, Math.floor((y - box.bottom) / side)));

  // counting sort: members of cell c are order[starts[c] .. starts[c + 1]]
  const starts = new Int32Array(columns * rows + 1);
  for (let i = 0; i < num; i++) starts[row(points[2 * i + 1]) * columns + column(points[2 * i]) + 1]++;
  for (let c = 0; c < columns * rows; c++) starts[c + 1] += starts[c];
  const next = starts.slice();
  const order = new Int32Array(num);
  // inside of a cell scattered: where a set is sorted by class, the last class would otherwise be drawn above all others
  const stride = strideOf(num);
  for (let n = 0, i = 0; n < num; n++, i = (i + stride) % num) order[next[row(points[2 * i + 1]) * columns + column(points[2 * i])]++] = i;

  function nearest(x, y, k, isWanted = () => true) {
    const found = []; // [squared distance, index], ascending
    const c = column(x), r = row(y);
    for (let ring = 0; ring < Math.max(columns, rows); ring++) {
      // a ring of cells is at least this far away, also from places outside of the grid
      const reach = Math.max(0, (ring - 1) * side, outside(x, y, box));
      if (found.length === k && found[k - 1][0] <= reach * reach) break;
      forRing(c, r, ring, columns, rows, (cell) => {
        for (let m = starts[cell]; m < starts[cell + 1]; m++) {
          const i = order[m];
          const dx = points[2 * i] - x, dy = points[2 * i + 1] - y, d = dx * dx + dy * dy;
          if (found.length === k && d >= found[k - 1][0]) continue;
          if (isWanted(i)) insert(found, d, i, k);
        }
      });
    }
    return { indices: found.map((one) => one[1]), distances: found.map((one) => Math.sqrt(one[0])) };
  }

  /** Points inside of a rectangle, at most `most` of them (what comes first in the grid). */
  function inside(left, bottom, right, top, most = Infinity) {
    const out = [];
    for (let r = row(bottom); r <= row(top); r++)
      for (let c = column(left); c <= column(right); c++)
        for (let m = starts[r * columns + c]; m < starts[r * columns + c + 1]; m++) {
          const i = order[m], x = points[2 * i], y = points[2 * i + 1];
          if (x >= left && x <= right && y >= bottom && y <= top) {
            out.push(i);
            if (out.length >= most) return out;
          }
        }
    return out;
  }

  return { nearest, inside, box, order };
}

export function boundsOf(points) {
  let left = Infinity, right = -Infinity, bottom = Infinity, top = -Infinity;
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i], y = points[i + 1];
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < bottom) bottom = y;
    if (y > top) top = y;
  }
  if (left > right) return { left: -1, right: 1, bottom: -1, top: 1, width: 2, height: 2 };
  return { left, right, bottom, top, width: right - left, height: top - bottom };
}

function strideOf(num) {
  let stride = Math.max(1, Math.floor(num * 0.618));
  while (gcd(stride, num) !== 1) stride++;
  return stride;
}

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

function outside(x, y, box) {
  return Math.max(box.left - x, 0, x - box.right, box.bottom - y, y - box.top);
}

function insert(found, distance, index, most) {
  let at = found.length;
  while (at > 0 && found[at - 1][0] > distance) at--;
  found.splice(at, 0, [distance, index]);
  if (found.length > most) found.pop();
}

function forRing(c, r, ring, columns, rows, visit) {
  for (let y = r - ring; y <= r + ring; y++) {
    if (y < 0 || y >= rows) continue;
    const isEdge = y === r - ring || y === r + ring;
    for (let x = c - ring; x <= c + ring; x += isEdge || ring === 0 ? 1 : 2 * ring) {
      if (x >= 0 && x < columns) visit(y * columns + x);
    }
  }
}
