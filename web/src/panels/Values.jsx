// The numbers that are known of an image of the set: its error, its confidence, its KL.

import { number } from "../math/quantity.js";
import { percent } from "../math/numbers.js";
import { Notice } from "../parts/Notice.jsx";
import { useLatest } from "../parts/useLatest.js";
import { arrayOf } from "../store/run.js";

export function Values({ one, index }) {
  const arrays = useLatest("values", [one], (asked) => Promise.all(asked.values.map(({ id }) => arrayOf(asked, `values/${id}`))));
  if (arrays?.length !== one.values.length) return <Notice place="values" />;
  const isSaid = (id) => one.quantity && (id === "value" || id === "read"); // by the sentence above them
  return (
    <dl class="values">
      {one.values.map(({ id, name }, n) => arrays[n] && !isSaid(id) && (
        <div key={id}>
          <dt>{name}</dt>
          <dd>{words(id, arrays[n][index])}</dd>
        </div>
      ))}
    </dl>
  );
}

function words(id, value) {
  if (!Number.isFinite(value)) return "unknown";
  return id === "confidence" ? percent(value) : number(value);
}
