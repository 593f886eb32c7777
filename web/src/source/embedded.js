// The source of an exported page: the arrays stand in the file itself, and a decoder, where there is one, runs in the browser. Built as a file of
// its own (static/embedded.js), which exports put before the page's script.

import { blocks, readArray, readJson } from "./blocks.js";
import { imageOfFile } from "./files.js";
import { rimNote } from "../math/rim.js";
import { openNet, picturesOf, shapeOfOne } from "./nets.js";

window.papilioEmbedded = async function embeddedSource(boot) {
  const found = blocks(document);
  const about = await readJson(found.get("about"));
  const nets = new Map(); // name -> promise of a session

  const has = (run, what) => found.has(`runs/${run.id}/${what}`);
  const arrayAt = async (name) => (found.has(name) ? readArray(found.get(name)) : null);
  const images = new Map(); // run id -> promise of {data, shape}
  const imagesOf = (run) => remembered(images, run.id, () => arrayAt(`runs/${run.id}/images`));
  const net = (run, what) => remembered(nets, `runs/${run.id}/${what}`, () => openNet(found.get(`runs/${run.id}/${what}`), found.get("ort-wasm")));
  const asked = async (run, what, image) => (await net(run, what)).ask(image, shapeOfOne(run.image));

  async function ofSprite(run, latents) {
    const { data, shape, grid } = await remembered(images, `sprite ${run.id}`, () => arrayAt(`runs/${run.id}/sprite`));
    const place = grid.plane ? await planePlace(run) : (latent) => [latent[grid.axes[0]], latent[grid.axes[1]]];
    const size = shape[2] * shape[3] * shape[4];
    const out = new Uint8Array((latents.length / run.latents) * size);
    for (let n = 0; n * run.latents < latents.length; n++) {
      const at = place(latents.subarray(n * run.latents, (n + 1) * run.latents));
      const [column, row] = [0, 1].map((axis) => {
        const num = shape[1 - axis];
        const share = (at[axis] - grid.low[axis]) / (grid.high[axis] - grid.low[axis]);
        return Math.min(num - 1, Math.max(0, Math.round(share * (num - 1))));
      });
      const from = (row * shape[1] + column) * size;
      out.set(data.subarray(from, from + size), n * size);
    }
    return out;
  }

  async function planePlace(run) {
    const { data: plane } = await arrayAt(`runs/${run.id}/arrays/pca/latents`);
    const width = run.latents;
    return (latent) => [1, 2].map((row) => latent.reduce((sum, value, d) => sum + (value - plane[d]) * plane[row * width + d], 0));
  }

  return {
    note: boot.note ?? "",
    about: async () => about,
    array: (run, name) => arrayAt(`runs/${run.id}/arrays/${name}`),
    map: async (run, space, method) => {
      const name = `runs/${run.id}/maps/${space}/${method}`;
      if (!found.has(name)) throw new Error("This file does not hold this map.");
      return { points: (await readArray(found.get(name))).data, trust: JSON.parse(found.get(name).dataset.trust ?? "null") };
    },
    images: async (run, indices) => {
      const size = run.image[0] * run.image[1] * run.image[2];
      const { data } = await imagesOf(run);
      const out = new Uint8Array(indices.length * size);
      indices.forEach((index, n) => out.set(data.subarray(index * size, (index + 1) * size), n * size));
      return out;
    },
    can: (run, what) => {
      if (what === "classify") return has(run, "judge") || (has(run, "network") && !run.quantity);
      if (what === "encode") return has(run, "encoder");
      if (what === "open") return has(run, "encoder") || has(run, "network");
      const grid = has(run, "sprite") ? JSON.parse(found.get(`runs/${run.id}/sprite`).dataset.grid) : null;
      // a grid over two latents has all of them; one over the plane of PCA knows nothing of sliders
      if (what === "decode") return has(run, "decoder") || (grid !== null && !grid.plane);
      return what === "plane" && Boolean(grid?.plane);
    },
    isGrid: (run) => !has(run, "decoder") && has(run, "sprite"),
    decode: async (run, latents, label) => {
      if (!has(run, "decoder")) return ofSprite(run, latents);
      const session = await net(run, "decoder");
      return picturesOf(await session.decode(latents, run.latents, label, run.conditional.length), run.image);
    },
    encode: async (run, bytes) => {
      const image = await imageOfFile(bytes, run.image);
      const note = ["resized by this page", rimNote(image, run.image, run.rim_brightness)].filter(Boolean).join("; ");
      if (has(run, "encoder")) {
        const { latents } = await asked(run, "encoder", image);
        return { image, latent: Float32Array.from(latents.data), note };
      }
      if (!run.quantity) return { image, latent: null, note };
      const { values, confidence } = await asked(run, "network", image);
      return { image, latent: null, note, reading: { value: values.data[0], confidence: confidence ? confidence.data[0] : null } };
    },
    classify: async (run, image) => (await asked(run, has(run, "judge") ? "judge" : "network", image)).probabilities.data,
    nearest: async () => null,
  };
};

function remembered(memory, key, make) {
  if (!memory.has(key)) memory.set(key, make());
  return memory.get(key);
}
