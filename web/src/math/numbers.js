/** A probability: neither certain nor impossible unless it is. */
export function percent(share) {
  if (share > 0.999 && share < 1) return ">99.9%";
  if (share < 0.001 && share > 0) return "<0.1%";
  return `${Number((100 * share).toFixed(1))}%`;
}

/** Two decimals with a true minus sign, and none at zero; `plus` stands before the others. */
export function decimal(value, plus = "") {
  const digits = Math.abs(value).toFixed(2);
  if (Number(digits) === 0) return digits;
  return `${value < 0 ? "−" : plus}${digits}`;
}
