// From one picture to another: a slider over decoded frames, that plays, and that can be saved.

import { useEffect, useRef, useState } from "preact/hooks";
import { Notice } from "../parts/Notice.jsx";
import { Picture } from "../parts/Picture.jsx";
import { useLatest } from "../parts/useLatest.js";
import { decodeAll, labelFor } from "../store/decoding.js";
import { keepLatent, kept } from "../store/kept.js";
import { endA, endB, endOf, FRAMES, share, way, wayLatents } from "../store/morph.js";
import { attempt } from "../store/notices.js";
import { data } from "../store/run.js";
import { movesLess } from "../store/theme.js";
import { save } from "./saving.js";

const STRIP = 9;
const FRAME_MS = 60;

export function Morph() {
  const one = data.value.run;
  const a = endA.value?.run === one ? endA.value : null;
  const b = endB.value?.run === one ? endB.value : null;
  const latents = a && b ? wayLatents.value : null;
  const label = labelFor(one, a?.label); // all frames have the class of A, unless another was chosen
  const frames = useLatest("morph", [latents, label], (asked, told) => (asked ? decodeAll(one, asked, told) : null));
  const at = Math.round(share.value * (FRAMES - 1));
  return (
    <>
      <div class="morph">
        <End name="A" end={endA} now={a} one={one} />
        <div class="middle">
          <Picture image={frames?.[at]} shape={one.image} box={168} label={frames ? `${Math.round(100 * share.value)}% of the way from A to B` : "Between A and B"} />
          <b>{latents ? `${Math.round(100 * share.value)}%` : " "}</b>
        </div>
        <End name="B" end={endB} now={b} one={one} />
      </div>
      <Notice place="morph" />
      {latents ? <Controls one={one} frames={frames} latents={latents} at={at} label={label} /> : (
        <p class="minor">Keep a picture, and use it as A; keep another, and use it as B. Or drop two picture files on this page.</p>
      )}
    </>
  );
}

function End({ name, end, now, one }) {
  const use = () => (end.value = endOf(kept.value));
  const canUse = kept.value?.run === one && kept.value.latent;
  return (
    <div class="end-picture">
      <Picture image={now?.image} shape={one.image} box={88} label={now ? `${name}: ${now.name}` : `${name}: not chosen`} />
      <small><b>{name}</b> {now ? now.name : "not chosen"}</small>
      {canUse && <button type="button" onClick={use}>Use kept</button>}
    </div>
  );
}

function Controls({ one, frames, latents, at, label }) {
  const [isPlaying, stop] = usePlaying();
  const shown = Array.from({ length: STRIP }, (_, n) => Math.round((n * (FRAMES - 1)) / (STRIP - 1)));
  const saveAs = (kind) => attempt("morph", () => save(kind, frames, one.image, kind === "png" ? shown : null));
  return (
    <>
      <div class="morph-slider">
        <button type="button" onClick={stop} aria-pressed={isPlaying}>{isPlaying ? "Stop" : "Play"}</button>
        <input type="range" id="share" min="0" max="1" step={1 / (FRAMES - 1)} value={share.value} aria-label="From A to B" aria-valuetext={`${Math.round(100 * share.value)}%`}
          onInput={(event) => (share.value = Number(event.target.value))} />
        <select aria-label="The way from A to B" value={way.value} onChange={(event) => (way.value = event.target.value)}>
          <option value="linear">linear</option>
          <option value="spherical">spherical</option>
        </select>
      </div>
      <ul class="thumbs tight" aria-label="From A to B">
        {shown.map((n) => (
          <li key={n}>
            <button type="button" class="thumb" aria-current={n === at} onClick={() => (share.value = n / (FRAMES - 1))} aria-label={`${Math.round((100 * n) / (FRAMES - 1))}%`}>
              <Picture image={frames?.[n]} shape={one.image} box={40} label="" />
            </button>
          </li>
        ))}
      </ul>
      <div class="actions">
        <button type="button" onClick={() => keepLatent(latents[at], `${Math.round(100 * share.value)}% from A to B`, label)}>Keep this picture</button>
        <button type="button" disabled={!frames} onClick={() => saveAs("gif")}>Save GIF</button>
        <button type="button" disabled={!frames} onClick={() => saveAs("webp")}>Save WebP</button>
        <button type="button" disabled={!frames} onClick={() => saveAs("png")}>Save PNG strip</button>
      </div>
      <p class="minor">
        {way.value === "linear" ? "Linear: along the straight line between the two latents." : "Spherical: around the prior's mean, as far from it as the two ends are."}
      </p>
    </>
  );
}

/** Plays to B and back until it is stopped; in fewer, larger steps for those who want less motion. */
function usePlaying() {
  const [isPlaying, setPlaying] = useState(false);
  const direction = useRef(1);
  useEffect(() => {
    if (!isPlaying) return undefined;
    const isCalm = movesLess();
    const step = (isCalm ? 8 : 1) / (FRAMES - 1);
    const timer = setInterval(() => {
      const next = share.value + direction.current * step;
      if (next > 1.001 || next < -0.001) direction.current *= -1;
      share.value = Math.min(1, Math.max(0, share.value + direction.current * step));
    }, isCalm ? 1000 : FRAME_MS);
    return () => clearInterval(timer);
  }, [isPlaying]);
  return [isPlaying, () => setPlaying(!isPlaying)];
}
