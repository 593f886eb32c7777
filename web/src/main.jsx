// Where the page starts: finds out whether a server or this file itself is its source, and shows it.

import { render } from "preact";
import { App } from "./App.jsx";
import { serverSource } from "./source/server.js";
import { adopt } from "./store/map.js";
import { attempt, clear, report } from "./store/notices.js";
import { about, chooseRun, source } from "./store/run.js";

const POLL_MS = 1000; // between two looks for runs that are still computed, longer after one that failed
const LONGEST_POLL_MS = 30_000;

async function start() {
  const boot = JSON.parse(document.getElementById("boot").textContent);
  document.title = `${boot.title} · Papilio`;
  render(<App title={boot.title} note={boot.note} />, document.getElementById("page"));
  await attempt("page", async () => {
    source.current = boot.source === "embedded" ? await window.papilioEmbedded(boot) : serverSource(boot.token);
    const answer = await source.current.about();
    adopt(answer.runs[0]);
    about.value = answer;
    await chooseRun(answer.runs[0].id);
    tellMissing(answer);
    await theOthers(answer);
  });
}

/** Runs next to the first one may still be computed: they come when they are ready. What is known of a run stays the same object. */
async function theOthers(answer) {
  let pause = POLL_MS;
  for (let latest = answer; latest.waiting > 0; ) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      latest = await source.current.about();
    } catch (error) {
      report(error, "page");
      pause = Math.min(2 * pause, LONGEST_POLL_MS);
      continue;
    }
    if (pause > POLL_MS) clear("page");
    pause = POLL_MS;
    const known = about.value.runs;
    about.value = { ...latest, runs: latest.runs.map((one) => known.find((each) => each.id === one.id) ?? one) };
    tellMissing(latest);
  }
}

let numTold = 0;

/** Runs of the study that cannot be shown, each with the reason: said again when there are more of them. */
function tellMissing({ missing = [] }) {
  if (missing.length > numTold) report({ message: missing.join("; ") }, "missing");
  numTold = missing.length;
}

start();
