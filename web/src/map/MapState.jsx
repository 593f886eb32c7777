// What the map says while it has no points to show.

import { layout, tryAgain } from "../store/map.js";

export function MapState() {
  const now = layout.value;
  if (now.state === "ready") return null;
  if (now.state === "failed") {
    return (
      <div class="map-state" role="alert">
        <p>{now.line}</p>
        <button type="button" onClick={tryAgain}>Try again</button>
      </div>
    );
  }
  if (!now.progress) return <div class="map-state" role="status"><p>Loading the map…</p></div>;
  const { done, total, what } = now.progress;
  return (
    <div class="map-state" role="status">
      <p>Computing {what}…</p>
      {/* without a value it moves by itself: how far it is is not known */}
      <progress {...(total ? { value: done, max: total } : {})} aria-label={what} />
      <p class="minor">{total ? `${Math.floor((100 * done) / total)}% done. ` : ""}The map is kept: it is computed only once.</p>
    </div>
  );
}
