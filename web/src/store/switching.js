// Another run: the kept picture goes with it, where the run has the same image.

import { keepFile, keepPoint, kept } from "./kept.js";
import { adopt, space } from "./map.js";
import { attempt } from "./notices.js";
import { about, chooseRun, data, pointWith, source } from "./run.js";
import { deselect } from "./selection.js";
import { pngOf } from "../panels/saving.js";

export async function switchRun(id) {
  const before = data.value;
  const one = about.value.runs.find((each) => each.id === id);
  deselect();
  adopt(one);
  await chooseRun(id);
  const after = data.value;
  if (!before || after?.run !== one || kept.value?.run !== before.run || kept.value.index === null) return;
  const index = sameImage(before, after, kept.value.index);
  if (index >= 0) keepPoint(index);
}

/** The point of another run that is the same image: runs of one study number the images of their set alike. */
function sameImage(before, after, index) {
  const [a, b] = [before.run, after.run];
  if (a.pictures.some((picture) => picture.index === index)) return -1; // the user's own
  if (a.subject !== "images" || b.subject !== "images" || a.total !== b.total || String(a.image) !== String(b.image)) return -1;
  const number = before.numbers?.[index] ?? index;
  if (after.numbers) return pointWith(after, number);
  return number < b.num - b.pictures.length ? number : -1;
}

/** The kept picture of another run, encoded by the one that is looked at. */
export function encodeKept() {
  const { run: from, original, image, name } = kept.value;
  return attempt("kept", async () => {
    const arrays = data.value;
    const answer = await source.current.encode(arrays.run, await pngOf(original ?? image, from.image), space.value.id);
    if (data.value === arrays) keepFile(answer, name);
  });
}
