// What a search finds: classes by name, points by number, the user's own pictures by file name.

import { className, pointName, pointWith } from "./run.js";

const MOST = 8;

/** [{kind: "class" | "point", number, words}, ...] */
export function found(arrays, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted || !arrays) return [];
  const one = arrays.run;
  const classes = one.classes
    .map((name, number) => ({ kind: "class", number, words: `class ${name}` }))
    .filter((each) => one.classes[each.number].toLowerCase().includes(wanted));
  const own = one.pictures
    .filter((picture) => picture.name.toLowerCase().includes(wanted))
    .map((picture) => ({ kind: "point", number: picture.index, words: `${picture.name}, your picture` }));
  const number = Number(wanted.replace(/^(image|sample|#)\s*/, "").replaceAll(",", ""));
  const index = /\d/.test(wanted) && Number.isInteger(number) ? pointOf(arrays, number) : -1;
  const points = index >= 0 ? [{ kind: "point", number: index, words: withClass(arrays, index) }] : [];
  return [...classes, ...own, ...points].slice(0, MOST);
}

/** Where the points are a sample of the set, most numbers have none: -1. */
function pointOf(arrays, number) {
  if (arrays.numbers) return pointWith(arrays, number);
  return number >= 0 && number < arrays.run.num - arrays.run.pictures.length ? number : -1;
}

function withClass(arrays, number) {
  const name = arrays.labels ? className(arrays.run, arrays.labels[number]) : null;
  return pointName(arrays, number) + (name === null ? "" : `, class ${name}`);
}

/** The points of a class, for a selection. */
export const membersOf = (labels, number) => [...labels.keys()].filter((i) => labels[i] === number);
