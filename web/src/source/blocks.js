// Arrays that stand in the page: base64 of gzip, little endian.

const TYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

/** @returns {Map<string, HTMLElement>} the blocks of a page by their names */
export const blocks = (page) => new Map([...page.querySelectorAll("script[data-name]")].map((one) => [one.dataset.name, one]));

export async function bytesOf(block) {
  const stream = new Blob([fromBase64(block.textContent.trim())]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** @returns {Promise<{data, shape: number[], grid: object | null}>} */
export async function readArray(block) {
  const type = TYPES[block.dataset.dtype];
  return {
    data: new type(await bytesOf(block)),
    shape: (block.dataset.shape ?? "").split(",").map(Number),
    grid: JSON.parse(block.dataset.grid ?? "null"),
  };
}

export const readJson = async (block) => JSON.parse(new TextDecoder().decode(await bytesOf(block)));

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}
