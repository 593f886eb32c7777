// Images that a classifier predicts wrongly, the most confident first; for a reader of numbers, the largest errors first.

import { useEffect, useMemo, useState } from "preact/hooks";
import { number, valueWords } from "../math/quantity.js";
import { percent } from "../math/numbers.js";
import { Notice } from "../parts/Notice.jsx";
import { Thumbs } from "../parts/Thumb.jsx";
import { colorBy, chosenColor, verdicts } from "../store/coloring.js";
import { attempt } from "../store/notices.js";
import { arrayOf, data } from "../store/run.js";
import { select } from "../store/selection.js";

const SHOWN = 48;

export function Mistakes() {
  const arrays = data.value;
  const one = arrays.run;
  const hasClasses = one.classes.length > 0;
  const [values, setValues] = useState(undefined); // null: there are none
  const [pair, setPair] = useState("");
  useEffect(() => {
    let isWanted = true;
    setValues(undefined);
    attempt("mistakes", () => arrayOf(one, `values/${hasClasses ? "confidence" : "error"}`)).then((found) => isWanted && setValues(found));
    return () => (isWanted = false);
  }, [one]);
  const wrong = useMemo(() => (values ? ranked(arrays, values, hasClasses) : []), [arrays, values]);
  const pairs = useMemo(() => (hasClasses ? pairsOf(arrays, wrong) : []), [wrong]);
  if (values === undefined) return <p class="minor" role="status">Loading…</p>;
  if (values === null) return <><Notice place="mistakes" /><p class="minor">The mistakes of this run are not available.</p></>;
  const shown = pair ? wrong.filter((index) => pairName(arrays, index) === pair) : wrong;
  if (wrong.length === 0) return <p>{hasClasses ? "No image of a known class is predicted wrongly." : "No reading errors are available."}</p>;
  const words = (index) => (hasClasses ? <>{names(arrays, index)} {percent(values[index])}</> : <><b>{readWords(arrays, index)}</b> {number(values[index])}</>);
  return (
    <>
      <p>
        {hasClasses ? <><b>{wrong.length.toLocaleString("en")}</b> of {numKnown(arrays).toLocaleString("en")} images are predicted wrongly. The most confident mistakes come first.</> : "The largest errors come first."}
      </p>
      {!hasClasses && chosenColor.value !== "error" && (
        <div class="actions"><button type="button" onClick={() => (colorBy.value = "error")}>Color the map by the error</button></div>
      )}
      {hasClasses && <div class="actions">
        {chosenColor.value !== "right" && <button type="button" onClick={() => (colorBy.value = "right")}>Mark them on the map</button>}
        <button type="button" onClick={() => select(shown, pair ? `with mistake ${pair}` : "predicted wrongly")}>Select them</button>
        {pairs.length > 1 && (
          <select aria-label="Which mistakes" value={pair} onChange={(event) => setPair(event.target.value)}>
            <option value="">all mistakes</option>
            {pairs.slice(0, 20).map(([name, count]) => <option key={name} value={name}>{name}: {count}</option>)}
          </select>
        )}
      </div>}
      <section>
        <h3>{hasClasses ? "Class → prediction, confidence" : `Value → reading, error${one.quantity?.unit ? ` (${one.quantity.unit})` : ""}`}</h3>
        <Thumbs indices={shown.slice(0, SHOWN)} words={words} title="Mistakes" />
        {shown.length > SHOWN && <p class="minor">The first {SHOWN} of {shown.length.toLocaleString("en")}.</p>}
      </section>
    </>
  );
}

/** The user's own pictures are of no known class. */
const numKnown = (arrays) => verdicts(arrays).filter((verdict) => verdict >= 0).length;

function ranked(arrays, values, hasClasses) {
  const found = [];
  const wrong = hasClasses ? verdicts(arrays) : null;
  for (let i = 0; i < values.length; i++) if (hasClasses ? wrong[i] === 1 : Number.isFinite(values[i])) found.push(i);
  return found.sort((a, b) => values[b] - values[a]);
}

function pairsOf(arrays, wrong) {
  const counts = new Map();
  for (const index of wrong) counts.set(pairName(arrays, index), (counts.get(pairName(arrays, index)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

const pairName = (arrays, index) => `${arrays.run.classes[arrays.labels[index]]} → ${arrays.run.classes[arrays.predicted[index]]}`;
const readWords = ({ run: { quantity }, shown, read }, index) => (quantity && read ? `${valueWords(quantity, shown[index])}\u202f→\u202f${valueWords(quantity, read[index])}` : "");
const names = (arrays, index) => <b>{pairName(arrays, index).replaceAll(" ", "\u202f")}</b>;
