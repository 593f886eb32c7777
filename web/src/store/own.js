// The user's own pictures: encoded by the run, kept, and with two of them a morph.

import { classAround, isComing, keepFile } from "./kept.js";
import { space } from "./map.js";
import { endA, endB } from "./morph.js";
import { attempt, clear, report } from "./notices.js";
import { can, data, source } from "./run.js";
import { tab } from "./selection.js";

const MOST_MEBIBYTES = 64;

export async function keepOwn(files) {
  const arrays = data.value;
  if (!arrays || files.length === 0) return;
  if (!can(arrays.run, "open")) return report(new Error(`${arrays.run.name} has no encoder here, so it cannot take your pictures.`), "drop");
  const taken = [];
  for (const file of files.slice(0, 2)) {
    isComing.value = true;
    const answer = await attempt("drop", () => encodeFile(arrays.run, file));
    isComing.value = false;
    if (!answer || data.value !== arrays) return;
    taken.push({ answer, name: file.name });
  }
  clear("drop");
  const numLeft = files.length - taken.length;
  if (numLeft > 0) report(new Error(`Two pictures at a time: ${numLeft} ${numLeft === 1 ? "was" : "were"} left out. For more, start papilio explore with --pictures.`), "drop");
  taken.forEach(({ answer, name }) => keepFile(answer, name));
  tab.value = "kept";
  if (taken.length === 2 && taken.every(({ answer }) => answer.latent)) {
    const ends = taken.map(({ answer, name }) => ({ run: arrays.run, latent: answer.latent, image: answer.image, name, label: classAround(arrays, answer.latent) }));
    [endA.value, endB.value] = ends;
    tab.value = "morph";
  }
}

async function encodeFile(one, file) {
  if (file.size > MOST_MEBIBYTES * 2 ** 20) throw new Error(`${file.name} is larger than ${MOST_MEBIBYTES} MiB.`);
  try {
    return await source.current.encode(one, await file.arrayBuffer(), space.value.id);
  } catch (error) {
    throw new Error(`${file.name}: ${error.message}`);
  }
}
