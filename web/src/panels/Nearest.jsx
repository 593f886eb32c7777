// The images nearest to the kept picture, with distances: a decoder that copies its training images is found out here.

import { useMemo } from "preact/hooks";
import { nearestRows } from "../math/vectors.js";
import { number } from "../map/Legend.jsx";
import { Thumbs } from "../parts/Thumb.jsx";
import { className } from "../store/run.js";

const NUM = 8;

export function Nearest({ now, arrays }) {
  const found = useMemo(() => nearestOf(now, arrays), [now.latent, now.index, now.nearest, arrays]);
  if (!found) return null;
  const one = arrays.run;
  const words = (index, n) => {
    const name = arrays.labels ? className(one, arrays.labels[index]) : null;
    return (
      <>
        {name !== null && <b>{name}</b>} {number(found.distances[n])}
      </>
    );
  };
  return (
    <section>
      <h3>{found.title}</h3>
      <Thumbs indices={found.indices} words={words} title="Nearest images" />
      <p class="minor">{found.note}</p>
    </section>
  );
}

function nearestOf(now, arrays) {
  const one = arrays.run;
  const isSamples = one.subject === "samples";
  if (now.latent && arrays.latents) {
    const isTraining = (index) => isSamples || !arrays.splits || arrays.splits[index] === 0;
    const { indices, distances } = nearestRows(arrays.latents, one.latents, now.latent, NUM, (index) => index !== now.index && isTraining(index));
    const title = isSamples ? "Nearest samples" : "Nearest training images";
    const own = now.index !== null ? ", itself left out" : "";
    return { indices, distances, title, note: `Below each: its class, and its distance in the space of ${one.latents} latents${own}.` };
  }
  if (now.nearest) {
    const { points, distances } = now.nearest;
    return { indices: points.slice(0, NUM), distances: distances.slice(0, NUM), title: "Nearest images", note: "Below each: its class, and its distance in this layer's space." };
  }
  return null;
}
