// What a classifier says of the kept picture: the run itself, or the one that judges it.

import { percent } from "../math/numbers.js";
import { Notice } from "../parts/Notice.jsx";
import { useLatest } from "../parts/useLatest.js";
import { source } from "../store/run.js";

const MOST = 3;

export function Judge({ now }) {
  const isJudged = !now.run.can.includes("classify");
  const names = isJudged ? now.run.judge_classes : now.run.classes;
  const decoded = now.image;
  const shares = useLatest("judge", [now.run, decoded], (one, image) => source.current.classify(one, image));
  return (
    <section>
      <h3>{isJudged ? `What the classifier ${now.run.judge} sees` : "What the run sees"}</h3>
      <Notice place="judge" />
      {shares && names.length === shares.length && (
        <ol class="bars">
          {[...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, MOST).map((n) => (
            <li key={n}>
              <span>{names[n]}</span>
              <span class="bar"><i style={{ width: `${100 * shares[n]}%` }} /></span>
              <span class="figure">{percent(shares[n])}</span>
            </li>
          ))}
        </ol>
      )}
      {shares && names.length !== shares.length && <p class="numbers">{[...shares].map((value) => value.toFixed(3)).join("  ")}</p>}
    </section>
  );
}
