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
