// Between the map and the latents, both ways.

import { nearestRows, project, rowOf, unproject, weightedMean } from "../math/vectors.js";
import { inverse, layout } from "./map.js";
import { source } from "./run.js";

const NEIGHBORS = 4;

/** What lies at a place of the map: {latent, nearest, distance}; latent is null where nothing can be decoded. */
export function latentAt(arrays, place, base) {
  const { grid, plane, axes } = layout.value;
  const one = arrays.run;
  const near = grid.nearest(place.x, place.y, NEIGHBORS);
  const found = { nearest: near.indices[0], distance: near.distances[0] };
  if (inverse.value === "image") return { ...found, latent: null };
  if (inverse.value === "plane") return { ...found, latent: unproject(plane, one.latents, place.x, place.y) };
  if (inverse.value === "mean") return { ...found, latent: weightedMean(arrays.latents, one.latents, near.indices, near.distances) };
  const latent = Float32Array.from(base ?? one.mean);
  latent[axes[0]] = place.x;
  latent[axes[1]] = place.y;
  return { ...found, latent };
}

/** Where a latent is on the map: exactly for PCA and coordinates, otherwise at the mean of its nearest neighbors. */
export function placeOf(arrays, latent) {
  if (layout.value.state !== "ready" || layout.value.run !== arrays.run || !latent) return null;
  const { points, plane, axes, method, space } = layout.value;
  const one = arrays.run;
  if (space.id !== "latents") return null;
  if (method === "axes") return { x: latent[axes[0]], y: latent[axes[1]] };
  if (method === "pca" && plane) return project(plane, one.latents, latent);
  const near = nearestRows(arrays.latents, one.latents, latent, NEIGHBORS);
  return meanPlace(points, near.indices, near.distances);
}

export function meanPlace(points, indices, distances) {
  const [x, y] = weightedMean(points, 2, indices, distances);
  return { x, y };
}

export const pointPlace = (index) => ({ x: layout.value.points[2 * index], y: layout.value.points[2 * index + 1] });

export const latentOf = (arrays, index) => (arrays.latents ? Float32Array.from(rowOf(arrays.latents, arrays.run.latents, index)) : null);

/** How the picture at the pointer came about, in a few words. */
export function howWords(one, isBaseKept) {
  if (source.current.isGrid(one) && inverse.value !== "image") return "decoded: nearest of a grid";
  const rest = one.latents > 2;
  return {
    axes: !rest ? "decoded here" : isBaseKept ? "decoded, the rest as kept" : "decoded, the rest at the mean",
    plane: rest ? "decoded on the plane of PCA" : "decoded here",
    mean: `mean of the ${NEIGHBORS} nearest`,
    image: one.subject === "samples" ? "the nearest sample" : "the nearest image",
  }[inverse.value];
}
