// The numbers that are known of an image of the set: its error, its confidence, its KL.

import { number } from "../map/Legend.jsx";
import { percent } from "../math/numbers.js";
import { useLatest } from "../parts/useLatest.js";
import { arrayOf } from "../store/run.js";

export function Values({ one, index }) {
  const arrays = useLatest("kept", [one], (asked) => Promise.all(asked.values.map(({ id }) => arrayOf(asked, `values/${id}`))));
  if (arrays?.length !== one.values.length) return null;
  return (
    <dl class="values">
      {one.values.map(({ id, name }, n) => arrays[n] && (
        <div key={id}>
          <dt>{name}</dt>
          <dd>{id === "confidence" ? percent(arrays[n][index]) : number(arrays[n][index])}</dd>
        </div>
      ))}
    </dl>
  );
}
