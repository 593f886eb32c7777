// How far the map can be believed, in words, and how the picture at the pointer comes about.

import { inverse, layout } from "../store/map.js";
import { run } from "../store/run.js";

const BETWEEN = {
  axes: "Between the images: the decoder's own pictures of these coordinates.",
  plane: "Between the images: the decoder's pictures of the plane that PCA found.",
  mean: "Between the images: decoded from the mean of the nearest images on the map, as this map has no inverse.",
  image: "Between the images of this map nothing is decoded: the pointer shows the nearest one.",
};

export function Trust() {
  const now = layout.value;
  return (
    <p class="trust" id="map-help">
      {now.state === "ready" && now.trust && <TrustWords trust={now.trust} />}
      <span>{run.value.subject === "samples" && inverse.value === "image" ? "The pointer shows the nearest sample." : inverse.value === "plane" && run.value.latents === 2 ? BETWEEN.axes : BETWEEN[inverse.value]}</span>
    </p>
  );
}

function TrustWords({ trust }) {
  const percent = (value) => `${Math.round(100 * value)}%`;
  const title = `${trust.what}; measured on ${trust.measured_on.toLocaleString("en")}`;
  const kept = typeof trust.kept === "number" ? ` ${percent(trust.kept)} of the ${trust.neighbors} nearest neighbors in the space are also neighbors on the map.` : "";
  if (typeof trust.space !== "number" || typeof trust.map !== "number") return <span title={title}>{kept.trim()} </span>;
  if (!trust.what.startsWith("share")) {
    const error = (value) => Number(value.toPrecision(2));
    return <span title={title}>{trust.what[0].toUpperCase() + trust.what.slice(1)}: {error(trust.space)} in the space, {error(trust.map)} on the map.{kept} </span>;
  }
  const loss = trust.space - trust.map;
  const verdict = loss < 0.03 ? "The map shows the classes as the space has them" : loss < 0.15 ? "The map blurs the classes a little" : "The map hides much of what the space tells apart";
  return (
    <span title={title}>
      {verdict}: neighbors name the class of {percent(trust.map)} of the images on the map, of {percent(trust.space)} in the space.{kept}{" "}
    </span>
  );
}
