// What colors the points: a color number per point, the colors, and what the legend says.

import { computed, effect, signal } from "@preact/signals";
import { classColors, cyclic, packed, SHADES, viridis } from "../math/colors.js";
import { attempt } from "./notices.js";
import { arrayOf, data, isJudged, run } from "./run.js";
import { isDark } from "./theme.js";

export const colorBy = signal("class"); // class | split | right | plain | the id of a value
export const muted = signal(new Set()); // color numbers
const UNKNOWN = "unknown", YOURS = "your pictures";
const values = signal(null); // of the value that colors: {id, run, data}

export const colorChoices = computed(() => {
  const one = run.value;
  if (!one) return [];
  return [
    ...(one.classes.length ? [{ id: "class", name: isJudged(one) ? `class, by ${one.labeled_by}` : "class" }] : []),
    ...(one.has_mistakes && one.classes.length ? [{ id: "right", name: "right or wrong" }] : []),
    ...one.values,
    ...(one.subject === "samples" ? [] : [{ id: "split", name: "split" }]),
    { id: "plain", name: "one color" },
  ];
});

export const chosenColor = computed(() => (colorChoices.value.find((one) => one.id === colorBy.value) ?? colorChoices.value[0])?.id ?? "plain");

effect(() => {
  const one = run.value;
  const id = chosenColor.value;
  if (!one || !one.values.some((each) => each.id === id)) return;
  attempt("map", async () => {
    const found = await arrayOf(one, `values/${id}`);
    if (run.value === one && chosenColor.value === id) values.value = { id, run: one, data: found };
  });
});

/** {shades, colors (hex), names, counts, scale: {low, high} | null, note}; null while what it needs is loaded. */
export const coloring = computed(() => {
  const arrays = data.value;
  if (!arrays) return null;
  const one = arrays.run;
  const id = chosenColor.value;
  if (id === "class") return byClass(arrays);
  if (id === "split") return named(one, arrays.splits ?? unknown(one.num), one.splits, classColors(one.splits.length, isDark.value));
  if (id === "right") return named(one, verdicts(arrays), ["right", "wrong"], isDark.value ? ["#4a6a8f", "#ff9d4d"] : ["#9db8d6", "#c0410c"]);
  if (id === "plain") return named(one, new Uint8Array(one.num), [one.subject], [isDark.value ? "#8f9bff" : "#3b50c9"]);
  if (values.value?.id !== id || values.value.run !== one || !values.value.data) return null;
  return one.quantity && (id === "value" || id === "read") ? byCircle(values.value.data, one.quantity) : byValue(values.value.data);
});

function byClass(arrays) {
  const names = arrays.run.classes;
  return named(arrays.run, arrays.labels ?? unknown(arrays.run.num), names, classColors(names.length, isDark.value));
}

const unknown = (num) => new Int8Array(num).fill(-1);

/** Numbers outside of the names (class -1) come last: in gray, but for the user's own pictures. */
function named(one, numbers, names, colors) {
  const own = new Set(one.pictures.map((picture) => picture.index));
  const isNamed = (number) => number >= 0 && number < names.length;
  const others = new Set(); // what there is besides the names
  numbers.forEach((number, i) => isNamed(number) || others.add(own.has(i) ? YOURS : UNKNOWN));
  const all = [...names, ...[UNKNOWN, YOURS].filter((name) => others.has(name))];
  const shades = Uint16Array.from(numbers, (number, i) => (isNamed(number) ? number : all.lastIndexOf(own.has(i) ? YOURS : UNKNOWN)));
  const counts = new Array(all.length).fill(0);
  for (const shade of shades) counts[shade]++;
  const [gray, ink] = isDark.value ? ["#6d7480", "#ffffff"] : ["#9aa0ab", "#1c1f26"];
  const more = all.slice(names.length).map((name) => (name === YOURS ? ink : gray));
  return { shades, colors: [...colors, ...more], names: all, counts, scale: null };
}

function byCircle(numbers, { period }) {
  const shades = Uint16Array.from(numbers, (value) => (Number.isFinite(value) ? Math.min(SHADES - 1, Math.floor((((value % period) + period) % period / period) * SHADES)) : SHADES));
  return { shades, colors: [...cyclic, "#888888"], names: [], counts: [], scale: { low: 0, high: period, isCircle: true } };
}

/** The middle 98% of the values share the scale: one outlier would otherwise leave a single color to all others. */
function byValue(numbers) {
  const sorted = Float32Array.from(numbers).filter(Number.isFinite).sort();
  const low = sorted[Math.floor(sorted.length * 0.01)] ?? 0;
  const high = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 1;
  const reach = high - low || 1;
  const shades = Uint16Array.from(numbers, (value) =>
    Number.isFinite(value) ? Math.min(SHADES - 1, Math.max(0, Math.floor(((value - low) / reach) * SHADES))) : SHADES,
  );
  return { shades, colors: [...viridis, "#888888"], names: [], counts: [], scale: { low, high } };
}

/** By image: 0 right, 1 wrong, -1 not known. */
export function verdicts(arrays) {
  if (!arrays.predicted || !arrays.labels) return unknown(arrays.run.num);
  return Int8Array.from(arrays.predicted, (predicted, i) => (arrays.labels[i] < 0 ? -1 : predicted === arrays.labels[i] ? 0 : 1));
}

export const packedColors = computed(() => (coloring.value ? Int32Array.from(coloring.value.colors, packed) : null));

export function toggle(number) {
  const next = new Set(muted.value);
  if (!next.delete(number)) next.add(number);
  muted.value = next;
}

export function only(number) {
  muted.value = new Set(coloring.value.names.map((_, n) => n).filter((n) => n !== number));
}

export function unmuteAll() {
  muted.value = new Set();
}

// names belong to what colors: another choice starts with all of them
effect(() => {
  chosenColor.value;
  run.value;
  muted.value = new Set();
});
