// What the colors mean. A click on a name mutes it; "only" leaves it alone.

import { chosenColor, colorChoices, coloring, muted, only, toggle, unmuteAll } from "../store/coloring.js";
import { viridisGradient } from "../math/colors.js";

export function Legend() {
  const now = coloring.value;
  if (!now) return <div class="legend" aria-hidden="true" />;
  const name = colorChoices.value.find((one) => one.id === chosenColor.value)?.name ?? "";
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
  return (
    <div class="legend" role="group" aria-label={`Colors: ${name}. Click a name to mute it.`}>
      {now.names.map((each, n) => now.counts[n] > 0 && (
        <span key={each} class={`entry ${muted.value.has(n) ? "muted" : ""}`}>
          <button type="button" aria-pressed={!muted.value.has(n)} onClick={() => toggle(n)} title={`${each}: ${now.counts[n].toLocaleString("en")}. Click to ${muted.value.has(n) ? "show" : "mute"}`}>
            <i style={{ background: now.colors[n] }} />
            {each}
          </button>
          <button type="button" class="only" onClick={() => only(n)} aria-label={`Only ${each}`}>only</button>
        </span>
      ))}
      {muted.value.size > 0 && <button type="button" class="quiet" onClick={unmuteAll}>Show all</button>}
      {now.names.length > 11 && <span class="minor">Some of these colors are alike: choose “only” to be sure.</span>}
    </div>
  );
}

export const number = (value) => (Math.abs(value) >= 1000 || (Math.abs(value) < 0.001 && value !== 0) ? value.toExponential(1) : String(Number(value.toPrecision(3))));
