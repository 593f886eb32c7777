import { Coordinates } from "./Coordinates.jsx";
import { KeptPanel } from "./KeptPanel.jsx";
import { Mistakes } from "./Mistakes.jsx";
import { Morph } from "./Morph.jsx";
import { decodingRuns, Runs } from "./Runs.jsx";
import { Selection } from "./Selection.jsx";
import { can, data } from "../store/run.js";
import { selection, tab } from "../store/selection.js";

const TABS = [
  { id: "kept", name: "Kept", Panel: KeptPanel, isOffered: () => true },
  { id: "coordinates", name: "Coordinates", Panel: Coordinates, isOffered: (one) => one.latents > 0 && can(one, "decode") },
  { id: "morph", name: "Morph", Panel: Morph, isOffered: (one) => one.latents > 0 && can(one, "decode") },
  { id: "runs", name: "Runs", Panel: Runs, isOffered: () => decodingRuns().length > 1 },
  { id: "mistakes", name: "Mistakes", Panel: Mistakes, isOffered: (one) => one.has_mistakes || (one.latents === 0 && one.values.some((each) => each.id === "error")) },
  { id: "selection", name: "Selection", Panel: Selection, isOffered: () => selection.value !== null },
];

export function Tabs() {
  const one = data.value.run;
  const offered = TABS.filter((each) => each.isOffered(one));
  const now = offered.find((each) => each.id === tab.value) ?? offered[0];
  const onKeyDown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = offered[(offered.indexOf(now) + step + offered.length) % offered.length];
    tab.value = next.id;
    document.getElementById(`tab-${next.id}`).focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label="About the picture" onKeyDown={onKeyDown}>
        {offered.map(({ id, name }) => (
          <button key={id} type="button" role="tab" id={`tab-${id}`} aria-selected={id === now.id} aria-controls="panel" tabIndex={id === now.id ? 0 : -1} onClick={() => (tab.value = id)}>
            {name}
            {id === "selection" && selection.value && <small>{selection.value.indices.length.toLocaleString("en")}</small>}
          </button>
        ))}
      </div>
      <div class="panel" role="tabpanel" id="panel" aria-labelledby={`tab-${now.id}`} tabIndex={-1}>
        <now.Panel key={one.id} />
      </div>
    </>
  );
}
