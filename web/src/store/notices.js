// One line for what went wrong, shown where it happened; and what is said to screen readers.

import { signal } from "@preact/signals";

/** Error lines by place: page, missing, map, pointer, kept, values, nearest, coordinates, mistakes, morph, runs/ID, drop, selection. */
export const notices = signal({});
export const spoken = signal("");

export function report(error, place) {
  notices.value = { ...notices.value, [place]: error.message || String(error) };
}

export function clear(place) {
  if (!(place in notices.value)) return;
  const { [place]: _, ...others } = notices.value;
  notices.value = others;
}

/** Work whose error becomes a line at its place; null when it failed. */
export async function attempt(place, work) {
  try {
    const result = await work();
    clear(place);
    return result;
  } catch (error) {
    report(error, place);
    return null;
  }
}

export const say = (text) => {
  spoken.value = text;
};
