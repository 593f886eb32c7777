// How far the map can be believed, in words, and how the picture at the pointer comes about.

import { inverse, layout } from "../store/map.js";
import { run } from "../store/run.js";

const BETWEEN = {
  axes: () => "Between points, the pointer shows the decoded coordinates.",
  plane: (points) => `Between points, the pointer shows the decoded position on this plane; actual ${points} can lie far from it.`,
  mean: (points) => `Between points, the pointer shows the decoded mean of the nearest ${points}, because this map cannot be inverted.`,
  image: (points) => (points === "samples" ? "The pointer shows the nearest sample." : "Nothing is decoded here: the pointer shows the nearest image."),
};

export function Trust() {
  const now = layout.value;
  return (
    <p class="trust" id="map-help">
      {isSample(run.value) && <span>The map has {ofTheSet(run.value).toLocaleString("en")} of the {run.value.total.toLocaleString("en")} images, a stratified sample. </span>}
      {now.state === "ready" && now.trust && <TrustWords trust={now.trust} />}
      <span>{BETWEEN[inverse.value === "plane" && run.value.latents === 2 ? "axes" : inverse.value](run.value.subject)}</span>
    </p>
  );
}

const ofTheSet = (one) => one.num - one.pictures.length;
const isSample = (one) => one.subject === "images" && ofTheSet(one) < one.total;

function TrustWords({ trust }) {
  const percent = (value) => `${value > 0.99 ? Number((100 * value).toFixed(1)) : Math.round(100 * value)}%`;
  const title = `${trust.what}; measured on ${trust.measured_on.toLocaleString("en")}`;
  const kept = typeof trust.kept === "number" ? ` ${percent(trust.kept)} of the ${trust.neighbors} nearest neighbors in the space are also neighbors on the map.` : "";
  if (typeof trust.space !== "number" || typeof trust.map !== "number") return <span title={title}>{kept.trim()} </span>;
  if (!trust.what.startsWith("share")) {
    const error = (value) => Number(value.toPrecision(2));
    return <span title={title}>{trust.what[0].toUpperCase() + trust.what.slice(1)}: {error(trust.space)} in the space, {error(trust.map)} on the map.{kept} </span>;
  }
  return (
    <span title={title}>
      {verdictOf(trust, run.value.classes.length)}: the nearest neighbors give the right class for {percent(trust.map)} of the {run.value.subject} on the map, and for {percent(trust.space)} in the space.{kept}{" "}
    </span>
  );
}

const LITTLE = 0.1; // of the way from guessing to no mistakes

function verdictOf(trust, numClasses) {
  const guessing = 1 / numClasses;
  if (trust.space - guessing < LITTLE * (1 - guessing)) return "Neither the space nor the map separates the classes";
  const share = trust.map / trust.space;
  const how = share > 0.97 ? "as well as" : share > 0.85 ? "slightly worse than" : "much worse than";
  return `The map separates the classes ${how} the space does`;
}
