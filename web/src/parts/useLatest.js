import { useEffect, useRef, useState } from "preact/hooks";
import { latest } from "../math/latest.js";
import { attempt } from "../store/notices.js";

/**
 * The result of asynchronous work that is done again when `inputs` change: at most one at a time, the latest wins. The result before
 * stays until the next is there; null before the first, and when the work failed (its line is shown at `place`).
 */
export function useLatest(place, inputs, work) {
  const [result, setResult] = useState(null);
  const current = useRef(work);
  current.current = work;
  const ask = useRef(null);
  ask.current ??= latest(async (asked) => setResult(await attempt(place, () => current.current(...asked))));
  useEffect(() => {
    ask.current(inputs);
  }, inputs);
  return result;
}
