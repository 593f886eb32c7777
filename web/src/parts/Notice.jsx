import { clear, notices } from "../store/notices.js";

/** The error line of a place, where there is one. */
export function Notice({ place, children }) {
  const line = notices.value[place];
  if (!line) return null;
  return (
    <p class="notice" role="alert" data-place={place}>
      <span>{line}</span>
      {children}
      <button type="button" class="quiet" onClick={() => clear(place)} aria-label="Dismiss this message">×</button>
    </p>
  );
}
