import { useRef } from "preact/hooks";
import { decimal } from "../math/numbers.js";
import { Picture } from "../parts/Picture.jsx";

const REACH = 3; // standard deviations, to either side
export const STEPS = [-3, -2, -1, 0, 1, 2, 3];
const BOX = 40;

/** One coordinate: what is known of it, seven pictures that can be dragged over, and the slider under them. */
export function CoordinateRow({ one, coordinate, step, pictures, onStep }) {
  const strip = useRef(null);
  const drag = (event) => {
    if (event.type === "pointerdown") event.currentTarget.setPointerCapture(event.pointerId);
    else if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = strip.current.getBoundingClientRect();
    // the middle of the first picture is -3, that of the last 3
    const share = (event.clientX - box.left) / box.width;
    const found = (share * STEPS.length - 0.5) / (STEPS.length - 1);
    onStep(Math.round(20 * Math.min(REACH, Math.max(-REACH, (2 * found - 1) * REACH))) / 20);
  };
  const shown = Math.min(REACH, Math.max(-REACH, step));
  const { index } = coordinate;
  return (
    <div class="row">
      <div class="row-name">
        <b>{index}</b>{coordinate.factor && <span>{coordinate.factor}</span>}
        {facts(coordinate).map((fact) => <small key={fact.words} title={fact.title}>{fact.words}</small>)}
      </div>
      <div class="row-strip">
        <div class="strip" ref={strip} onPointerDown={drag} onPointerMove={drag} aria-hidden="true">
          {STEPS.map((each, n) => <Picture key={each} image={pictures?.[n]} shape={one.image} box={BOX} label={`${each} deviations`} />)}
        </div>
        <input type="range" min={-REACH} max={REACH} step={0.05} value={shown} onInput={(event) => onStep(Number(event.target.value))}
          aria-label={`Coordinate ${index}${coordinate.factor ? `, ${coordinate.factor}` : ""}`} aria-valuetext={`${decimal(step)} deviations`} />
      </div>
      <output>{decimal(step, "+")}</output>
    </div>
  );
}

function facts({ kl, change, information }) {
  const parts = [];
  if (typeof kl === "number") parts.push({ words: `KL ${kl.toFixed(2)}`, title: "The mean divergence from the prior, in nats: near 0, the coordinate is not used" });
  if (typeof change === "number") parts.push({ words: `change ${change.toPrecision(2)}`, title: "How much one standard deviation of it changes a picture" });
  if (typeof information === "number") parts.push({ words: `information ${information.toFixed(2)}`, title: "Mutual information with the factor or class shown next to its number" });
  return parts;
}
