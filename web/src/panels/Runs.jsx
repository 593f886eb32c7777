// All runs that decode, next to each other: the same picture through each, or the same sliders for each.

import { signal } from "@preact/signals";
import { decimal } from "../math/numbers.js";
import { Notice } from "../parts/Notice.jsx";
import { Picture } from "../parts/Picture.jsx";
import { useLatest } from "../parts/useLatest.js";
import { decodeOne, labelFor } from "../store/decoding.js";
import { isChanged, kept } from "../store/kept.js";
import { about, can, data, source } from "../store/run.js";
import { pngOf } from "./saving.js";

const mode = signal("picture"); // picture | sliders
const steps = signal([]); // standard deviations of the prior, by coordinate
const SLIDERS = 10;

export const decodingRuns = () => about.value.runs.filter((one) => can(one, "decode"));

export function Runs() {
  const runs = decodingRuns();
  const now = kept.value;
  const slide = () => {
    if (steps.value.length === 0 && now?.latent) steps.value = stepsOf(now);
    mode.value = "sliders";
  };
  return (
    <>
      <div class="actions" role="group" aria-label="What the runs have in common">
        <button type="button" aria-pressed={mode.value === "picture"} onClick={() => (mode.value = "picture")}>Same picture</button>
        <button type="button" aria-pressed={mode.value === "sliders"} onClick={slide}>Same sliders</button>
      </div>
      <p class="minor">
        {mode.value === "picture"
          ? now ? `Each run encodes the kept picture (${now.name}) and decodes it again.` : "Keep a picture: each run encodes it and decodes it again."
          : "Each run decodes the same coordinates, in standard deviations of its prior (an autoencoder has none: of its images' latents)."}
      </p>
      <ul class="runs">{runs.map((one) => <RunCard key={one.id} one={one} />)}</ul>
      {mode.value === "sliders" && <Sliders num={Math.min(SLIDERS, Math.max(...runs.map((one) => one.latents)))} />}
    </>
  );
}

function RunCard({ one }) {
  const place = `runs/${one.id}`;
  const now = kept.value;
  const isSame = mode.value === "picture";
  const shown = now && (isChanged.value ? now.image : (now.original ?? now.image));
  const inputs = isSame ? [now?.run, shown, now?.label] : [null, steps.value, now?.label];
  const image = useLatest(place, [isSame, ...inputs], (same, from, given, label) => (same ? through(one, from, given, label) : sliding(one, given, label)));
  const isMissing = isSame && !can(one, "encode");
  return (
    <li>
      {isMissing ? <div class="frame" style={{ width: "128px", height: "128px" }}><p class="minor">no encoder</p></div>
        : <Picture image={image} shape={one.image} box={128} label={`${one.name}: ${isSame ? "the kept picture, encoded and decoded" : "the sliders, decoded"}`} />}
      <span><b>{one.name}</b><small>{one.latents} latents{one.id === data.value.run.id ? ", on the map" : ""}{!isSame && atMean(one)}</small></span>
      <Notice place={place} />
    </li>
  );
}

async function through(one, from, image, label) {
  if (!from || !image || !can(one, "encode")) return null;
  const { latent } = await source.current.encode(one, await pngOf(image, from.image));
  return latent ? decodeOne(one, latent, labelFor(one, label)) : null;
}

function sliding(one, given, label) {
  const latent = Float32Array.from(one.mean, (mean, d) => mean + (given[d] ?? 0) * one.deviation[d]);
  return decodeOne(one, latent, labelFor(one, label));
}

/** A latent in standard deviations: all of its coordinates, those without a slider, too. */
const stepsOf = ({ latent, run }) => [...latent].map((value, d) => (value - run.mean[d]) / (run.deviation[d] || 1));

/** How many of a run's coordinates nothing has moved: with most of them at the mean, a generator's pictures are hardly any. */
function atMean(one) {
  const num = one.latents - steps.value.slice(0, one.latents).filter((step) => step !== 0).length;
  return num > 0 ? `, ${num === one.latents ? "all" : num} at the mean` : "";
}

function Sliders({ num }) {
  const now = kept.value;
  const take = () => (steps.value = stepsOf(now));
  const set = (d, value) => (steps.value = Array.from({ length: Math.max(steps.value.length, num) }, (_, n) => (n === d ? value : (steps.value[n] ?? 0))));
  return (
    <>
      <div class="plain-sliders">
        {Array.from({ length: num }, (_, d) => (
          <label key={d}>
            <b>{d}</b>
            <input type="range" min="-3" max="3" step="0.05" value={steps.value[d] ?? 0} aria-label={`Coordinate ${d} of every run`} onInput={(event) => set(d, Number(event.target.value))} />
            <output>{decimal(steps.value[d] ?? 0, "+")}</output>
          </label>
        ))}
      </div>
      <div class="actions">
        <button type="button" onClick={() => (steps.value = [])}>All to the mean</button>
        {now?.latent && <button type="button" onClick={take}>As in the kept picture</button>}
      </div>
    </>
  );
}
