// What was selected on the map: how many of each class, some of the pictures, and their mean.

import { useMemo } from "preact/hooks";
import { Thumbs } from "../parts/Thumb.jsx";
import { coloring } from "../store/coloring.js";
import { keepLatent } from "../store/kept.js";
import { can, data } from "../store/run.js";
import { deselect, selection } from "../store/selection.js";

const SHOWN = 40;

export function Selection() {
  const arrays = data.value;
  const one = arrays.run;
  const chosen = selection.value;
  const shown = useMemo(() => spread(chosen?.indices ?? [], SHOWN), [chosen]);
  if (!chosen) return <p class="minor">Draw a lasso around points, or select those in view.</p>;
  const num = chosen.indices.length;
  return (
    <>
      <p>
        <b>{num.toLocaleString("en")}</b> {one.subject} {chosen.how}, {percent(num / one.num)} of all.
      </p>
      <div class="actions">
        {arrays.latents && can(one, "decode") && <button type="button" onClick={() => keepLatent(meanOf(arrays, chosen.indices), `the mean of ${num.toLocaleString("en")} ${one.subject}`)}>Keep their mean</button>}
        <button type="button" onClick={deselect}>Clear the selection</button>
      </div>
      {coloring.value && coloring.value.names.length > 1 && <Counts indices={chosen.indices} coloring={coloring.value} />}
      <section>
        <h3>{num > SHOWN ? `${SHOWN} of them` : "All of them"}</h3>
        <Thumbs indices={shown} title="Selected images" box={40} />
      </section>
    </>
  );
}

function Counts({ indices, coloring: { shades, names, colors } }) {
  const counts = new Array(names.length).fill(0);
  for (const index of indices) counts[shades[index]]++;
  const order = [...counts.keys()].filter((n) => counts[n]).sort((a, b) => counts[b] - counts[a]);
  return (
    <ol class="bars" aria-label="Counts">
      {order.slice(0, 12).map((n) => (
        <li key={n}>
          <span>{names[n]}</span>
          <span class="bar"><i style={{ width: `${(100 * counts[n]) / indices.length}%`, background: colors[n] }} /></span>
          <span class="figure">{counts[n].toLocaleString("en")}</span>
        </li>
      ))}
      {order.length > 12 && <li class="minor">and {order.length - 12} more classes</li>}
    </ol>
  );
}

/** Evenly many from the whole of a selection: its first ones often lie together. */
function spread(indices, most) {
  if (indices.length <= most) return [...indices];
  return Array.from({ length: most }, (_, n) => indices[Math.floor((n * indices.length) / most)]);
}

function meanOf(arrays, indices) {
  const width = arrays.run.latents;
  const sum = new Float64Array(width);
  for (const index of indices) for (let d = 0; d < width; d++) sum[d] += arrays.latents[index * width + d];
  return Float32Array.from(sum, (value) => value / indices.length);
}

const percent = (share) => (share < 0.01 ? "under 1%" : `${Math.round(100 * share)}%`);
