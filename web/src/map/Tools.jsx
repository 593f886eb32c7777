// Buttons above the map: the lasso, and what part of the map is seen.

import { fit, layout } from "../store/map.js";
import { mode, selectView } from "../store/selection.js";
import { zoom } from "./keys.js";

export function Tools() {
  return (
    <div class="tools" role="group" aria-label="On the map">
      <button type="button" aria-pressed={mode.value === "lasso"} onClick={() => (mode.value = mode.value === "lasso" ? "explore" : "lasso")}
        title="Draw around points to select them (or drag with Shift)"><Icon name="lasso" /><span class="unseen">Lasso</span></button>
      <button type="button" onClick={selectView} disabled={layout.value.state !== "ready"} title="Select the points that are in view"><Icon name="view" /><span class="unseen">Select the points in view</span></button>
      <button type="button" onClick={() => zoom(1.5)} title="Zoom in (+)"><Icon name="plus" /><span class="unseen">Zoom in</span></button>
      <button type="button" onClick={() => zoom(1 / 1.5)} title="Zoom out (−)"><Icon name="minus" /><span class="unseen">Zoom out</span></button>
      <button type="button" onClick={fit} title="Show the whole map (0)"><Icon name="whole" /><span class="unseen">Show the whole map</span></button>
    </div>
  );
}

const PATHS = {
  lasso: "M8 3C4.7 3 2 4.7 2 7s2.7 4 6 4 6-1.7 6-4-2.700-4-6-4zM5 10.600c-.8.6-1 1.500-.4 2.100.8.7 1.900 0 1.900-.9",
  view: "M2.500 5V2.500H5M11 2.500h2.500V5M13.500 11v2.500H11M5 13.500H2.500V11M6 8h4M8 6v4",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  whole: "M6.500 2.500h-4v4M2.500 2.500l4 4M9.500 13.500h4v-4M13.500 13.500l-4-4",
};

function Icon({ name }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
