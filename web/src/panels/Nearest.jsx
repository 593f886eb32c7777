// The images nearest to the kept picture, with distances: a decoder that copies its training images is found out here.

import { nearestRows } from "../math/vectors.js";
import { Notice } from "../parts/Notice.jsx";
import { Thumbs } from "../parts/Thumb.jsx";
import { useLatest } from "../parts/useLatest.js";
import { className, source } from "../store/run.js";
import { space } from "../store/map.js";

const NUM = 8;

export function Nearest({ now, arrays }) {
  const found = useLatest("nearest", [now, arrays, space.value.id], nearestOf);
  if (!found) return <Notice place="nearest" />;
  const one = arrays.run;
  const words = (index, n) => {
    const name = arrays.labels ? className(one, arrays.labels[index]) : null;
    return (
      <>
        {name !== null && <b>{name}</b>}
        {brief(found.distances[n])}
      </>
    );
  };
  return (
    <section>
      <h3>{found.title}</h3>
      <Thumbs indices={found.indices} words={words} title="Nearest images" box={44} />
      <p class="minor">{found.note}</p>
    </section>
  );
}

const brief = (distance) => (distance >= 10 ? distance.toFixed(0) : distance >= 1 ? distance.toFixed(1) : distance >= 0.1 ? distance.toFixed(2) : distance >= 0.001 ? String(Number(distance.toPrecision(1))) : distance.toExponential(0));

async function nearestOf(now, arrays, spaceId) {
  const one = arrays.run;
  const isSamples = one.subject === "samples";
  if (now.latent && arrays.latents) {
    const isTraining = (index) => isSamples || !arrays.splits || arrays.splits[index] === 0;
    const { indices, distances } = nearestRows(arrays.latents, one.latents, now.latent, NUM, (index) => index !== now.index && isTraining(index));
    const title = isSamples ? "Nearest samples" : "Nearest training images";
    const own = now.index !== null ? ", the kept one left out" : "";
    return { indices, distances, title, note: `Below each: ${one.classes.length ? "its class, and " : ""}its distance in the space of ${one.latents} latents${own}.` };
  }
  const answer = now.index === null ? now.nearest : await source.current.nearest(one, spaceId, now.index);
  if (answer) {
    const { points, distances } = answer;
    return { indices: points.slice(0, NUM), distances: distances.slice(0, NUM), title: "Nearest images", note: `Below each: ${one.classes.length ? "its class, and " : ""}its distance in this layer's space.` };
  }
  return null; // nothing that could be compared: the strip is left out
}
