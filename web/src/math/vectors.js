// Latents as rows of one Float32Array: distances, means, the PCA plane, and ways from one latent to another.

export const rowOf = (array, width, index) => array.subarray(index * width, (index + 1) * width);

/** The `k` rows nearest to `query`, by brute force: 60,000 rows of 32 numbers take about 5 ms. */
export function nearestRows(array, width, query, k, isWanted = () => true) {
  const num = array.length / width;
  const distances = [], indices = [];
  let worst = Infinity;
  for (let i = 0, at = 0; i < num; i++, at += width) {
    let sum = 0;
    for (let d = 0; d < width && sum < worst; d++) {
      const difference = array[at + d] - query[d];
      sum += difference * difference;
    }
    if (sum >= worst || !isWanted(i)) continue;
    let place = distances.length;
    while (place > 0 && distances[place - 1] > sum) place--;
    distances.splice(place, 0, sum);
    indices.splice(place, 0, i);
    if (distances.length > k) distances.pop(), indices.pop();
    if (distances.length === k) worst = distances[k - 1];
  }
  return { indices, distances: distances.map(Math.sqrt) };
}

/** Mean of some rows; nearer ones count more (1 / distance), so that a point itself has exactly its own latent. */
export function weightedMean(array, width, indices, distances) {
  const out = new Float32Array(width);
  const reach = Math.max(...distances, 1e-12);
  let total = 0;
  indices.forEach((index, n) => {
    const weight = 1 / (distances[n] / reach + 1e-4);
    total += weight;
    for (let d = 0; d < width; d++) out[d] += weight * array[index * width + d];
  });
  for (let d = 0; d < width; d++) out[d] /= total;
  return out;
}

/** Means of the rows of each class; null where a class has no image. */
export function classMeans(array, width, labels, num) {
  const sums = Array.from({ length: num }, () => new Float64Array(width));
  const counts = new Int32Array(num);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (label < 0 || label >= num) continue;
    counts[label]++;
    for (let d = 0; d < width; d++) sums[label][d] += array[i * width + d];
  }
  return sums.map((sum, label) => (counts[label] ? Float32Array.from(sum, (one) => one / counts[label]) : null));
}

/** `plane`: (3, width), as the server or the file has it, the mean and two directions. */
export function project(plane, width, latent) {
  let x = 0, y = 0;
  for (let d = 0; d < width; d++) {
    const centered = latent[d] - plane[d];
    x += centered * plane[width + d];
    y += centered * plane[2 * width + d];
  }
  return { x, y };
}

export function unproject(plane, width, x, y) {
  const out = new Float32Array(width);
  for (let d = 0; d < width; d++) out[d] = plane[d] + x * plane[width + d] + y * plane[2 * width + d];
  return out;
}

/** A latent between two others: along a line, or along a circle around `center`, whose radius changes evenly. */
export function between(a, b, share, way, center) {
  const out = new Float32Array(a.length);
  let from = 1 - share, to = share;
  if (way === "spherical") {
    let dot = 0, lengthA = 0, lengthB = 0;
    for (let d = 0; d < a.length; d++) {
      const u = a[d] - center[d], v = b[d] - center[d];
      dot += u * v;
      lengthA += u * u;
      lengthB += v * v;
    }
    lengthA = Math.sqrt(lengthA);
    lengthB = Math.sqrt(lengthB);
    const angle = Math.acos(Math.min(1, Math.max(-1, dot / (lengthA * lengthB || 1))));
    if (angle > 1e-3 && angle < Math.PI - 1e-3) {
      const length = lengthA * (1 - share) + lengthB * share;
      from = (Math.sin((1 - share) * angle) / Math.sin(angle)) * (length / lengthA);
      to = (Math.sin(share * angle) / Math.sin(angle)) * (length / lengthB);
    }
    for (let d = 0; d < a.length; d++) out[d] = center[d] + from * (a[d] - center[d]) + to * (b[d] - center[d]);
    return out;
  }
  for (let d = 0; d < a.length; d++) out[d] = from * a[d] + to * b[d];
  return out;
}

export const isFinite = (latent) => latent.every(Number.isFinite);
