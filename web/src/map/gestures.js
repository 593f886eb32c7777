// Mouse, touch and pen on the map. A mouse moves the crosshair, drags the map, zooms with its wheel. One finger moves the crosshair, two
// fingers drag and zoom. A click or a tap keeps. In lasso mode (or with Shift) a drag draws the lasso.

import { moved, toMap, zoomed } from "./camera.js";

const CLICK = 5; // CSS pixels that a click may move

/** Attaches to an element; returns what detaches. `on`: {camera, size, fittedScale, isLasso, setCamera, point, keep, lasso, endLasso}. */
export function attachGestures(element, on) {
  const fingers = new Map(); // pointers that are down: id -> {left, top}
  let start = null; // of a drag: {left, top, camera, kind}
  let trail = [];

  const place = (event) => {
    const box = element.getBoundingClientRect();
    return { left: event.clientX - box.left, top: event.clientY - box.top };
  };
  const pointAt = (at) => on.point(toMap(on.camera(), on.size(), at.left, at.top));

  function down(event) {
    // a button on the map would never be clicked: the map takes the pointer for itself
    if (event.button > 0 || event.target.closest("button")) return;
    element.setPointerCapture(event.pointerId);
    const at = place(event);
    fingers.set(event.pointerId, at);
    const isTouch = event.pointerType === "touch";
    if (fingers.size === 2) {
      if (start.kind === "lasso") on.lasso([]);
      start = pinchStart();
    } else {
      start = { ...at, camera: on.camera(), kind: on.isLasso() || event.shiftKey ? "lasso" : isTouch ? "point" : "drag", hasMoved: false };
    }
    trail = [at];
    if (start.kind === "point") pointAt(at);
  }

  function pinchStart() {
    const [a, b] = [...fingers.values()];
    return { kind: "pinch", camera: on.camera(), left: (a.left + b.left) / 2, top: (a.top + b.top) / 2, apart: apart(a, b), hasMoved: true };
  }

  function move(event) {
    const at = place(event);
    if (!fingers.has(event.pointerId)) {
      if (event.pointerType !== "touch") pointAt(at);
      return;
    }
    fingers.set(event.pointerId, at);
    if (start.kind === "pinch") return pinch();
    if (Math.hypot(at.left - start.left, at.top - start.top) > CLICK) start.hasMoved = true;
    if (start.kind === "point") pointAt(at);
    else if (start.kind === "lasso") drawLasso(at);
    else if (start.hasMoved) on.setCamera(moved(start.camera, at.left - start.left, at.top - start.top));
  }

  function pinch() {
    const [a, b] = [...fingers.values()];
    if (!b) return;
    const left = (a.left + b.left) / 2, top = (a.top + b.top) / 2;
    const camera = zoomed(start.camera, on.size(), start.left, start.top, apart(a, b) / Math.max(start.apart, 1), on.fittedScale());
    on.setCamera(moved(camera, left - start.left, top - start.top));
  }

  function drawLasso(at) {
    const last = trail[trail.length - 1];
    if (Math.hypot(at.left - last.left, at.top - last.top) > 3) trail.push(at);
    on.lasso(trail);
  }

  function up(event) {
    if (!fingers.delete(event.pointerId)) return;
    const at = place(event);
    if (start.kind === "lasso") {
      const polygon = trail.flatMap((one) => {
        const { x, y } = toMap(on.camera(), on.size(), one.left, one.top);
        return [x, y];
      });
      on.endLasso(trail.length > 2 ? polygon : null);
    } else if (event.type === "pointerup" && !start.hasMoved) {
      on.keep(toMap(on.camera(), on.size(), at.left, at.top));
    }
    // the finger that is left after a pinch is not a tap
    start = { ...at, camera: on.camera(), kind: start.kind === "pinch" ? "pinch" : "drag", hasMoved: true };
  }

  function wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const at = place(event);
    on.setCamera(zoomed(on.camera(), on.size(), at.left, at.top, Math.exp(-event.deltaY * lines * 0.0016), on.fittedScale()));
    pointAt(at);
  }

  const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up, wheel };
  for (const [name, listener] of Object.entries(listeners)) element.addEventListener(name, listener, { passive: false });
  return () => Object.entries(listeners).forEach(([name, listener]) => element.removeEventListener(name, listener));
}

const apart = (a, b) => Math.hypot(a.left - b.left, a.top - b.top);
