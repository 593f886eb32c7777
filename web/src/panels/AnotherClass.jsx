// What is kept, in other classes: a conditional decoder is told another one; otherwise the latent moves by the difference of the classes' means.

import { useMemo } from "preact/hooks";
import { classMeans } from "../math/vectors.js";
import { Notice } from "../parts/Notice.jsx";
import { Picture } from "../parts/Picture.jsx";
import { useLatest } from "../parts/useLatest.js";
import { decodeAll, toldClass } from "../store/decoding.js";
import { change } from "../store/kept.js";

const MOST = 30; // classes

export function AnotherClass({ now, arrays }) {
  const one = now.run;
  const isTold = one.conditional.length > 0;
  const means = useMemo(
    () => (isTold || !arrays.labels ? [] : classMeans(arrays.latents, one.latents, arrays.labels, one.classes.length)),
    [arrays],
  );
  const moved = useMemo(() => (isTold ? [] : movedByMeans(now, means)), [now.latent, now.label, means]);
  const names = isTold ? one.conditional : one.classes;
  const pictures = useLatest("another", [now.latent, moved], (latent, others) =>
    isTold ? told(one, latent, names.length) : decodeAll(one, others.filter(Boolean)),
  );
  if (names.length < 2 || (!isTold && now.label === null) || !pictures) return <Notice place="another" />;
  const offered = isTold ? [...names.keys()].slice(0, MOST) : [...names.keys()].filter((n) => moved[n]);
  const choose = (n) => (isTold ? ((toldClass.value = n), change(now.latent)) : change(moved[n]));
  return (
    <section>
      <h3>{isTold ? "Same latent, other classes" : "Moved to other classes"}</h3>
      <Notice place="another" />
      <ul class="thumbs">
        {offered.map((n, at) => (
          <li key={n}>
            <button type="button" class="thumb" onClick={() => choose(n)} title={`As class ${names[n]}`} aria-current={!isTold && n === now.label}>
              <Picture image={pictures[at]} shape={one.image} box={40} label={`The kept picture as class ${names[n]}`} />
              <small>{names[n]}</small>
            </button>
          </li>
        ))}
      </ul>
      <p class="minor">
        {isTold ? "The decoder is conditioned on the class; all pictures share one latent." : `Moved by the difference of the classes' mean latents, from class ${names[now.label]}.`}
      </p>
    </section>
  );
}

function movedByMeans(now, means) {
  const from = means[now.label];
  if (!from) return means.map(() => null);
  return means.map((to, n) => (to && n < MOST ? Float32Array.from(now.latent, (value, d) => value + to[d] - from[d]) : null));
}

async function told(one, latent, num) {
  const pictures = [];
  for (let label = 0; label < Math.min(num, MOST); label++) pictures.push(...(await decodeAll(one, [latent], label)));
  return pictures;
}
