// What the map shows.

import { chosenColor, colorBy, colorChoices } from "../store/coloring.js";
import { axes, method, space, spaceId } from "../store/map.js";
import { toldClass } from "../store/decoding.js";
import { decodes, run } from "../store/run.js";

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
