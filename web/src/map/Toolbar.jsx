// What the map shows, and what a drag on it does.

import { chosenColor, colorBy, colorChoices } from "../store/coloring.js";
import { axes, fit, method, space, spaceId } from "../store/map.js";
import { toldClass } from "../store/decoding.js";
import { decodes, run } from "../store/run.js";
import { mode, selectView } from "../store/selection.js";
import { zoom } from "./keys.js";

export function Toolbar() {
  const one = run.value;
  return (
    <div class="toolbar" role="group" aria-label="What the map shows">
      {one.spaces.length > 1 && (
        <Choice id="space" name="Space" value={space.value.id} onChange={(value) => ((spaceId.value = value), method.value === "axes" && value !== "latents" && (method.value = "pca"))}
          options={one.spaces.map((each) => [each.id, each.name])} />
      )}
      <Choice id="method" name="Map" value={method.value} onChange={(value) => (method.value = value)} options={methodsOf(one)} />
      {method.value === "axes" && <Axes one={one} />}
      <Choice id="color" name="Color" value={chosenColor.value} onChange={(value) => (colorBy.value = value)} options={colorChoices.value.map((each) => [each.id, each.name])} />
      {decodes.value && one.conditional.length > 0 && (
        <Choice id="told" name="Decode as" value={toldClass.value ?? ""} onChange={(value) => (toldClass.value = value === "" ? null : Number(value))}
          options={[["", "class of the nearest"], ...one.conditional.map((name, n) => [n, name])]} />
      )}
      <span class="spring" />
      <span class="tools">
        <button type="button" aria-pressed={mode.value === "lasso"} onClick={() => (mode.value = mode.value === "lasso" ? "explore" : "lasso")}
          title="Draw around points to select them (or drag with Shift)"><Icon name="lasso" /><span class="wide-only">Lasso</span></button>
        <button type="button" onClick={selectView} title="Select the points that are in view"><Icon name="view" /><span class="unseen">Select the points in view</span></button>
        <button type="button" onClick={() => zoom(1.5)} title="Zoom in (+)"><Icon name="plus" /><span class="unseen">Zoom in</span></button>
        <button type="button" onClick={() => zoom(1 / 1.5)} title="Zoom out (−)"><Icon name="minus" /><span class="unseen">Zoom out</span></button>
        <button type="button" onClick={fit} title="Show the whole map (0)"><Icon name="whole" /><span class="unseen">Show the whole map</span></button>
      </span>
    </div>
  );
}

function methodsOf(one) {
  const methods = one.methods.map((each) => [each.id, each.name]);
  return one.latents > 1 && space.value.id === "latents" ? [...methods, ["axes", "two coordinates"]] : methods;
}

function Axes({ one }) {
  const options = one.coordinates.map(({ index, factor }) => [index, factor ? `${index}: ${factor}` : `${index}`]);
  const choose = (which, value) => {
    const next = [...axes.value];
    next[which] = Number(value);
    // the two are never the same: choosing the other one swaps them
    if (next[0] === next[1]) next[1 - which] = axes.value[which];
    axes.value = next;
  };
  if (one.latents === 2) return null;
  return (
    <>
      <Choice id="axis-x" name="Across" value={axes.value[0]} onChange={(value) => choose(0, value)} options={options} />
      <Choice id="axis-y" name="Up" value={axes.value[1]} onChange={(value) => choose(1, value)} options={options} />
    </>
  );
}

export function Choice({ id, name, value, onChange, options }) {
  return (
    <label class="field">
      <span>{name}</span>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map(([option, words]) => <option key={option} value={option}>{words}</option>)}
      </select>
    </label>
  );
}

const PATHS = {
  lasso: "M8 3C4.7 3 2 4.7 2 7s2.7 4 6 4 6-1.7 6-4-2.700-4-6-4zM5 10.600c-.8.6-1 1.500-.4 2.100.8.7 1.900 0 1.900-.9",
  view: "M2.500 5V2.500H5M11 2.500h2.500V5M13.500 11v2.500H11M5 13.500H2.500V11M6 8h4M8 6v4",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  whole: "M6.500 2.500h-4v4M2.500 2.500l4 4M9.500 13.500h4v-4M13.500 13.500l-4-4",
};

export function Icon({ name }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
