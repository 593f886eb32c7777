import { about, can, run } from "../store/run.js";
import { switchRun } from "../store/switching.js";
import { isDark, switchTheme } from "../store/theme.js";
import { OpenButton } from "./OpenButton.jsx";
import { Search } from "./Search.jsx";

const KINDS = { classify: "classifier", read: "reader", autoencoder: "autoencoder", vae: "VAE", gan: "GAN" };
const kindOf = (one) => (one.kind === "supervised" ? (one.classes.length ? "classifier" : "reader") : (KINDS[one.kind] ?? one.kind));

export function Header({ title, note }) {
  return (
    <header>
      <h1>
        <Butterfly />
        <span>{about.value?.title || title}</span>
      </h1>
      {run.value && <RunChoice />}
      {run.value && <Search />}
      <span class="spring" />
      {note && <span class="minor note">{note}</span>}
      {run.value && can(run.value, "open") && <OpenButton />}
      <button type="button" class="quiet" onClick={switchTheme}>{isDark.value ? "Switch to light" : "Switch to dark"}</button>
    </header>
  );
}

function RunChoice() {
  const runs = about.value.runs;
  const words = (one) => (kindOf(one) && !one.name.toLowerCase().startsWith(kindOf(one).toLowerCase()) ? `${one.name} (${kindOf(one)})` : one.name);
  const option = (one) => <option key={one.id} value={one.id}>{words(one)}</option>;
  const stages = [...new Set(runs.map((one) => one.stage))];
  const waiting = about.value.waiting > 0 && <span class="minor" role="status">{about.value.waiting === 1 ? "1 more run" : `${about.value.waiting} more runs`} to come…</span>;
  if (runs.length === 1) return <><span class="minor run-name">{words(runs[0])}</span>{waiting}</>;
  return (
    <>
    <label class="field">
      <span>Run</span>
      <select id="run" value={run.value.id} onChange={(event) => switchRun(Number(event.target.value))}>
        {stages.length === 1 ? runs.map(option) : stages.map((stage) => (
          <optgroup key={stage} label={stage}>{runs.filter((one) => one.stage === stage).map(option)}</optgroup>
        ))}
      </select>
    </label>
    {waiting}
    </>
  );
}

function Butterfly() {
  return (
    <svg viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
      <path d="M11.3 12.2C10 7.4 6.4 3.6 1.8 3.2c-.5 4.6 1.6 8.5 5.9 9.6-3 .6-4.3 2.6-3.7 5 .8 2.7 4 2.8 5.6.5 1-1.5 1.6-3.6 1.7-6.1zm1.4 0C14 7.4 17.6 3.6 22.2 3.2c.5 4.6-1.6 8.5-5.9 9.6 3 .6 4.3 2.6 3.7 5-.8 2.7-4 2.8-5.6.5-1-1.5-1.6-3.6-1.7-6.1z" />
    </svg>
  );
}
