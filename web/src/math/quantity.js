// Numbers on a circle, as people write them.

/** Three significant digits, and powers of ten where there would be many zeros. */
export const number = (value) => (Math.abs(value) >= 1000 || (Math.abs(value) < 0.001 && value !== 0) ? value.toExponential(1) : String(Number(value.toPrecision(3))));

/** A value: "05:33" on a dial of twelve hours, otherwise with its unit. */
export function valueWords({ unit, is_time: isTime }, value) {
  if (!Number.isFinite(value)) return "unknown";
  if (!isTime) return `${number(value)}${unit}`;
  const minute = ((Math.round(value) % 720) + 720) % 720;
  const two = (part) => String(part).padStart(2, "0");
  return `${two(Math.floor(minute / 60) || 12)}:${two(minute % 60)}`;
}
