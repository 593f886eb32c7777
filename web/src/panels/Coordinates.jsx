// A slider for each coordinate, under seven pictures of what it does.

import { useState } from "preact/hooks";
import { Notice } from "../parts/Notice.jsx";
import { useLatest } from "../parts/useLatest.js";
import { decodeAll, labelFor, toldClass } from "../store/decoding.js";
import { change, isChanged, kept, keepLatent } from "../store/kept.js";
import { data, unitOf } from "../store/run.js";
import { CoordinateRow, STEPS } from "./CoordinateRow.jsx";

const FIRST = 8; // rows that are shown at once

export function Coordinates() {
  const arrays = data.value;
  const one = arrays.run;
  const [isWhole, setWhole] = useState(false);
  const now = kept.value?.run === one ? kept.value : null;
  const latent = now?.latent ?? Float32Array.from(one.mean);
  const rows = isWhole ? one.coordinates : one.coordinates.slice(0, FIRST);
  const strips = useLatest("coordinates", [latent, rows.length, toldClass.value, now?.label], async (from, num, _told, label) => {
    const latents = one.coordinates.slice(0, num).flatMap(({ index }) => STEPS.map((step) => at(from, one, index, step)));
    return decodeAll(one, latents, labelFor(one, label));
  });
  const set = (index, step) => {
    const next = at(latent, one, index, step);
    if (now) change(next);
    else keepLatent(next, "from the mean latent");
  };
  return (
    <>
      <p class="minor">
        {now ? `From the kept picture (${now.name}).` : "From the mean latent, until a picture is kept."} One unit is a standard deviation of {unitOf(one)}.
        {isChanged.value && now && <button type="button" class="quiet" onClick={() => change(now.anchor)}>Undo the sliders</button>}
      </p>
      <Notice place="coordinates" />
      <div class="rows">
        {rows.map((coordinate, n) => (
          <CoordinateRow key={coordinate.index} one={one} coordinate={coordinate} step={(latent[coordinate.index] - one.mean[coordinate.index]) / (one.deviation[coordinate.index] || 1)}
            pictures={strips?.slice(n * STEPS.length, (n + 1) * STEPS.length)} onStep={(step) => set(coordinate.index, step)} />
        ))}
      </div>
      {one.coordinates.length > FIRST && (
        <button type="button" class="more" onClick={() => setWhole(!isWhole)}>{isWhole ? `Show the first ${FIRST}` : `Show all ${one.coordinates.length} coordinates`}</button>
      )}
    </>
  );
}

function at(latent, one, index, step) {
  const next = Float32Array.from(latent);
  next[index] = one.mean[index] + step * one.deviation[index];
  return next;
}
