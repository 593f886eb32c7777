// An animated WebP file from stills, as a canvas writes them. https://developers.google.com/speed/webp/docs/riff_container

const PIXELS = new Set(["VP8 ", "VP8L", "ALPH"]);

/** @param stills Uint8Array of a WebP file each, all of the same size */
export function animatedWebp(stills, width, height, delay) {
  const flags = 0b10010; // animated, may have alpha
  const header = chunk("VP8X", [flags, 0, 0, 0, ...three(width - 1), ...three(height - 1)]);
  const loop = chunk("ANIM", [0, 0, 0, 0, 0, 0]); // no background, forever
  const frames = stills.map((still) => {
    const place = [...three(0), ...three(0), ...three(width - 1), ...three(height - 1), ...three(delay), 0b10]; // drawn over what was there
    return chunk("ANMF", joined([Uint8Array.from(place), ...pixelChunks(still)]));
  });
  const body = joined([text("WEBP"), header, loop, ...frames]);
  return joined([text("RIFF"), Uint8Array.from(four(body.length)), body]);
}

function pixelChunks(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const found = [];
  for (let at = 12; at + 8 <= file.length; ) {
    const length = 8 + view.getUint32(at + 4, true);
    const padded = length + (length % 2);
    if (PIXELS.has(String.fromCharCode(...file.subarray(at, at + 4)))) found.push(file.subarray(at, at + padded));
    at += padded;
  }
  return found;
}

function chunk(name, content) {
  const parts = [text(name), Uint8Array.from(four(content.length)), Uint8Array.from(content)];
  return joined(content.length % 2 ? [...parts, new Uint8Array(1)] : parts);
}

function joined(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const text = (letters) => Uint8Array.from(letters, (one) => one.charCodeAt(0));
const three = (value) => [value & 255, (value >> 8) & 255, (value >> 16) & 255];
const four = (value) => [...three(value), value >>> 24];
