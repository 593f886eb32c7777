// Requests that follow a pointer: never more than one at a time, and after it only the latest that was asked for.

export function latest(work) {
  let isBusy = false;
  let waiting = null;
  return async function ask(value) {
    waiting = { value };
    if (isBusy) return;
    isBusy = true;
    try {
      while (waiting) {
        const { value: next } = waiting;
        waiting = null;
        await work(next, () => waiting !== null);
      }
    } finally {
      isBusy = false;
    }
  };
}
