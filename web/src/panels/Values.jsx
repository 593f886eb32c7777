// The numbers that are known of an image of the set: its error, its confidence, its KL.

import { number, valueWords } from "../math/quantity.js";
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
          <dd>{words(one, id, arrays[n][index])}</dd>
        </div>
      ))}
    </dl>
  );
}

function words(one, id, value) {
  if (!Number.isFinite(value)) return "unknown";
  if (one.quantity && (id === "value" || id === "read")) return valueWords(one.quantity, value);
  return id === "confidence" ? percent(value) : number(value);
}
