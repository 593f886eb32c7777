// What the colors mean. A click on a name mutes it; "only" leaves it alone.

import { chosenColor, colorChoices, coloring, muted, only, toggle, unmuteAll } from "../store/coloring.js";
import { useState } from "preact/hooks";
import { cyclicGradient, viridisGradient } from "../math/colors.js";
import { number, valueWords } from "../math/quantity.js";
import { run } from "../store/run.js";

const MANY = 30; // names: so many are shown at first
const ALIKE = 11; // names, from which on colors are hard to tell apart

export function Legend() {
  const now = coloring.value;
  const [isWhole, setWhole] = useState(false);
  if (!now) return <div class="legend" aria-hidden="true" />;
  const name = colorChoices.value.find((one) => one.id === chosenColor.value)?.name ?? "";
  if (now.scale?.isCircle) {
    return (
      <div class="legend" role="group" aria-label={`Colors: ${name}`}>
        <span>{valueWords(run.value.quantity, now.scale.low)}</span>
        <span class="scale" style={{ background: cyclicGradient }} />
        <span>{valueWords(run.value.quantity, now.scale.high)}</span>
        <span class="minor">{name}, once around the circle</span>
      </div>
    );
  }
  if (now.scale) {
    return (
      <div class="legend" role="group" aria-label={`Colors: ${name}`}>
        <span>{number(now.scale.low)}</span>
        <span class="scale" style={{ background: viridisGradient }} />
        <span>{number(now.scale.high)}</span>
        <span class="minor">{name}; 1% of the values lie below, 1% above</span>
      </div>
    );
  }
  if (now.names.length < 2) return <div class="legend"><span class="minor">{now.counts[0]?.toLocaleString("en")} {now.names[0]}</span></div>;
  const there = [...now.names.keys()].filter((n) => now.counts[n] > 0);
  const shown = isWhole ? there : there.slice(0, MANY);
  return (
    <div class="legend" role="group" aria-label={`Colors: ${name}. Click a name to mute it.`}>
      {there.length > ALIKE && (
        <span class="minor">
          {there.length.toLocaleString("en")} names, some in colors that are alike: choose “only”, or find one by its name.
          {there.length > MANY && <button type="button" class="quiet" onClick={() => setWhole(!isWhole)}>{isWhole ? `Show the first ${MANY}` : "Show all names"}</button>}
        </span>
      )}
      {shown.map((n) => [n, now.names[n]]).map(([n, each]) => (
        <span key={n} class={`entry ${muted.value.has(n) ? "muted" : ""}`}>
          <button type="button" aria-pressed={!muted.value.has(n)} onClick={() => toggle(n)} title={`${each}: ${now.counts[n].toLocaleString("en")}. Click to ${muted.value.has(n) ? "show" : "mute"}`}>
            <i style={{ background: now.colors[n] }} />
            {each}
          </button>
          <button type="button" class="only" onClick={() => only(n)} aria-label={`Only ${each}`}>only</button>
        </span>
      ))}
      {muted.value.size > 0 && <button type="button" class="quiet" onClick={unmuteAll}>Show all</button>}
    </div>
  );
}
