import { useState } from "preact/hooks";
import { decimal } from "../math/numbers.js";

/** The latent as numbers, with a button that copies them as a JSON list. */
export function LatentNumbers({ latent }) {
  const [state, setState] = useState("Copy");
  const copy = async () => {
    const text = JSON.stringify([...latent].map((value) => Number(value.toPrecision(7))));
    setState((await copied(text)) ? "Copied" : "Copying failed");
    setTimeout(() => setState("Copy"), 1500);
  };
  return (
    <section>
      <h3>
        Latent <small>{latent.length === 1 ? "1 number" : `${latent.length} numbers`}</small>
        <button type="button" class="quiet" onClick={copy} aria-label="Copy the latent">{state}</button>
      </h3>
      <p class="numbers">{[...latent].map((value, d) => <span key={d} title={`coordinate ${d}`}>{decimal(value)}</span>)}</p>
    </section>
  );
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // no clipboard without https or a permission: the older way needs a selection
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    return isDone;
  }
}
