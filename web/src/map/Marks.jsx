// Marks above the points: the crosshair, the kept picture, the two ends of a morph with the way between them, the lasso.

import { signal } from "@preact/signals";
import { camera, layout, size } from "../store/map.js";
import { pointPlace } from "../store/places.js";
import { run } from "../store/run.js";
import { keptPlace } from "../store/kept.js";
import { morphMarks } from "../store/morph.js";
import { crosshair } from "../store/pointer.js";
import { toScreen } from "./camera.js";

const MOST_OWN = 200; // of the user's pictures that are marked
/** [{left, top}, ...] while a lasso is drawn */
export const lassoTrail = signal([]);

export function Marks() {
  if (layout.value.state !== "ready") return null;
  const onScreen = (place) => toScreen(camera.value, size.value, place.x, place.y);
  const cross = crosshair.value && onScreen(crosshair.value);
  const kept = keptPlace.value && onScreen(keptPlace.value);
  const { ends, way, isLine } = morphMarks.value;
  const own = (run.value?.pictures ?? []).slice(0, MOST_OWN).map(({ index }) => onScreen(pointPlace(index)));
  const path = (places) => places.map((one) => `${one.left.toFixed(1)},${one.top.toFixed(1)}`).join(" ");
  return (
    <svg class="marks" width={size.value.width} height={size.value.height} aria-hidden="true">
      {own.map((at, n) => <circle key={`own-${n}`} class="own-mark" cx={at.left} cy={at.top} r="5" />)}
      {isLine && <polyline class="way" points={path(way.map(onScreen))} />}
      {!isLine && way.map(onScreen).map((at, n) => <circle key={n} class="way-dot" cx={at.left} cy={at.top} r="3.5" />)}
      {ends.map(({ name, place }) => <End key={name} name={name} at={onScreen(place)} />)}
      {kept && <g class="kept-mark"><circle cx={kept.left} cy={kept.top} r="9" /><circle cx={kept.left} cy={kept.top} r="2.2" class="dot" /></g>}
      {cross && (
        <g class="crosshair">
          <path d={`M${cross.left - 20} ${cross.top}h14m12 0h14M${cross.left} ${cross.top - 20}v14m0 12v14`} class="halo" />
          <path d={`M${cross.left - 20} ${cross.top}h14m12 0h14M${cross.left} ${cross.top - 20}v14m0 12v14`} />
        </g>
      )}
      {lassoTrail.value.length > 1 && <polygon class="lasso" points={path(lassoTrail.value)} />}
    </svg>
  );
}

function End({ name, at }) {
  return (
    <g class="end">
      <circle cx={at.left} cy={at.top} r="9" />
      <text x={at.left} y={at.top + 4} text-anchor="middle">{name}</text>
    </g>
  );
}
