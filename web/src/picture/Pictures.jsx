// The product: what the decoder shows at the pointer, and what was kept, large and next to each other.

import { useEffect, useRef, useState } from "preact/hooks";
import { Notice } from "../parts/Notice.jsx";
import { Picture } from "../parts/Picture.jsx";
import { isChanged, isComing, kept } from "../store/kept.js";
import { crosshair, pointed } from "../store/pointer.js";
import { notices } from "../store/notices.js";
import { can, data, decodes, pointFacts, pointName, pointWords, run } from "../store/run.js";

export function Pictures() {
  const frame = useRef(null);
  const [box, setBox] = useState(224);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setBox(Math.floor((entry.contentRect.width - 16) / 2)));
    watch.observe(frame.current);
    return () => watch.disconnect();
  }, []);
  return (
    <div class="pictures" ref={frame}>
      <Pointed box={box} />
      <Kept box={box} />
      <Notice place="pointer" />
      <Notice place="kept" />
    </div>
  );
}

function Pointed({ box }) {
  const one = run.value;
  const now = pointed.value;
  const words = now && data.value ? pointWords(one, data.value, now.nearest) : "";
  return (
    <figure>
      <div class="frame" style={{ height: `${box}px` }}>
        {now ? <Picture image={now.image} shape={one.image} box={box} label={`The picture at the pointer: ${now.how}; nearest is ${words}`} />
          : crosshair.value && !notices.value.pointer ? <Loading />
          : <p class="minor">{`${isTouched() ? "Touch" : "Move over"} the map: the ${decodes.value ? "decoder's picture" : "nearest image"} follows.`}</p>}
      </div>
      <figcaption>
        {now?.latent && <Picture image={now.nearestImage} shape={one.image} box={40} label={words} />}
        <span>
          <b>At the pointer</b>
          {now && <small>{now.how}</small>}
          {now && data.value && <small>{now.latent ? "nearest: " : ""}{pointName(data.value, now.nearest)}</small>}
          {now && data.value && <small>{pointFacts(one, data.value, now.nearest)}</small>}
        </span>
      </figcaption>
    </figure>
  );
}

function Kept({ box }) {
  const now = kept.value;
  if (!now) {
    return (
      <figure>
        <div class="frame" style={{ height: `${box}px` }}>{isComing.value ? <Loading /> : <p class="minor">{isTouched() ? "Tap" : "Click"} the map to keep a picture.{can(run.value, "open") && (isTouched() ? " Or open one of yours." : " Or drop a file on this page.")}</p>}</div>
        <figcaption><span><b>Kept</b></span></figcaption>
      </figure>
    );
  }
  // a sample has no image of its own: it is what the decoder makes of its latent
  const isDecoded = now.image !== now.original && now.run.subject !== "samples";
  return (
    <figure>
      <div class="frame" style={{ height: `${box}px` }}>
        {!now.image && !notices.value.kept ? <Loading /> : <Picture image={now.image} shape={now.run.image} box={box} label={`The kept picture: ${now.words}${isChanged.value ? ", changed by the sliders" : ""}`} />}
      </div>
      <figcaption>
        {now.original && isDecoded && <Picture image={now.original} shape={now.run.image} box={40} label={`${now.name}, as it is`} />}
        <span>
          <b>Kept{isChanged.value ? ", changed" : ""}</b>
          <small title={now.name}>{now.name}</small>
          {now.facts && <small>{now.facts}</small>}
          {now.original && isDecoded && <small>small: the original</small>}
          {now.note && <small title={now.note}>{now.note}</small>}
          {now.run !== run.value && <small>of {now.run.name}</small>}
        </span>
      </figcaption>
    </figure>
  );
}

/** The first picture waits until the server has read its images and networks. */
const Loading = () => <p class="minor" role="status">Loading the picture…</p>;

/** Whether the page is used with fingers, which cannot hover. */
const isTouched = () => window.matchMedia("(hover: none)").matches;
