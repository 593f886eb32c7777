import { className } from "../store/run.js";

/** What a classifier predicted of an image of the set, compared with its label. */
export function Prediction({ arrays, index }) {
  const predicted = className(arrays.run, arrays.predicted[index]);
  const label = className(arrays.run, arrays.labels[index]);
  if (predicted === null) return null;
  const isRight = arrays.predicted[index] === arrays.labels[index];
  return (
    <p class="prediction">
      Predicted as <b>{predicted}</b>.{" "}
      {label === null ? "Its class is not known." : isRight ? "That is right." : <strong class="wrong">That is wrong: it is {label}.</strong>}
    </p>
  );
}
