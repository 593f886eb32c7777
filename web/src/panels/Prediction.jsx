import { percent } from "../math/numbers.js";
import { valueWords } from "../math/quantity.js";
import { className } from "../store/run.js";

/** What a classifier predicted of an image of the set, compared with its label. */
export function Prediction({ arrays, index }) {
  const predicted = className(arrays.run, arrays.predicted[index]);
  const label = arrays.labels ? className(arrays.run, arrays.labels[index]) : null;
  if (predicted === null) return null;
  const isRight = label === predicted;
  return (
    <p class="prediction">
      Predicted as <b>{predicted}</b>.{" "}
      {label === null ? "Its class is not known." : isRight ? "That is right." : <strong class="wrong">That is wrong: it is {label}.</strong>}
    </p>
  );
}

/** What a run reads on a picture: one of the set, or the user's own. */
export function Reading({ now, arrays }) {
  const quantity = now.run.quantity;
  if (now.reading) return <p class="prediction">Read as <b>{valueWords(quantity, now.reading.value)}</b>{Number.isFinite(now.reading.confidence) && `, with a confidence of ${percent(now.reading.confidence)}`}.</p>;
  if (!arrays.read || now.index === null) return null;
  const shown = arrays.shown[now.index];
  return <p class="prediction">Read as <b>{valueWords(quantity, arrays.read[now.index])}</b>. {Number.isFinite(shown) ? `It shows ${valueWords(quantity, shown)}.` : "What it shows is not known."}</p>;
}
