// The map itself: points in a canvas, thumbnails in a second one, marks in an SVG above them.

import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { camera, fit, fittedScale, layout, size } from "../store/map.js";
import { keepAt } from "../store/keeping.js";
import { point } from "../store/pointer.js";
import { mode, selectInside } from "../store/selection.js";
import { attachGestures } from "./gestures.js";
import { onKey } from "./keys.js";
import { lassoTrail, Marks } from "./Marks.jsx";
import { paint } from "./painting.js";
import { MapState } from "./MapState.jsx";
import { Thumbnails } from "./Thumbnails.jsx";

export function MapView() {
  const frame = useRef(null);
  const canvas = useRef(null);

  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      const isFirst = size.value.width === 0;
      size.value = { width, height };
      if (isFirst) fit();
    });
    watch.observe(frame.current);
    const detach = attachGestures(frame.current, {
      camera: () => camera.value,
      size: () => size.value,
      fittedScale: () => fittedScale.value,
      isLasso: () => mode.value === "lasso",
      setCamera: (next) => (camera.value = next),
      point,
      keep: keepAt,
      lasso: (trail) => (lassoTrail.value = trail),
      endLasso: (polygon) => {
        lassoTrail.value = [];
        mode.value = "explore";
        if (polygon && layout.value.state === "ready") selectInside(polygon);
      },
    });
    return () => (watch.disconnect(), detach());
  }, []);

  // one drawing per frame, however many things changed
  const isAsked = useRef(false);
  useSignalEffect(() => {
    paint.inputs();
    if (isAsked.current) return;
    isAsked.current = true;
    requestAnimationFrame(() => {
      isAsked.current = false;
      if (canvas.current) paint.draw(canvas.current);
    });
  });

  return (
    <div
      ref={frame} class={`map ${mode.value === "lasso" ? "with-lasso" : ""}`} tabIndex={0} role="application" id="map" onKeyDown={onKey}
      aria-label="Map. Arrow keys move the crosshair, with Shift in larger steps; Enter keeps the picture; plus and minus zoom; 0 shows everything."
      aria-describedby="map-help"
    >
      <canvas ref={canvas} class="points" aria-hidden="true" />
      <Thumbnails />
      <Marks />
      <MapState />
      <p class="keys" aria-hidden="true">Arrows move (with Shift farther) · Enter keeps · + and − zoom · 0 shows everything</p>
    </div>
  );
}
