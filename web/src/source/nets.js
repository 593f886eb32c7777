// ONNX files, run by onnxruntime-web on the CPU: `window.ort` is static/ort.js, the wasm stands in the page.

import { bytesOf } from "./blocks.js";

let isSetUp = null;

async function setUp(wasm) {
  if (!window.ort || !wasm) throw new Error("This file holds a network, but not what runs it.");
  const { env } = window.ort;
  env.wasm.numThreads = 1; // more need headers that a file does not have
  env.wasm.wasmBinary = await bytesOf(wasm);
  env.logLevel = "error";
}

export async function openNet(block, wasm) {
  isSetUp ??= setUp(wasm);
  await isSetUp;
  const { InferenceSession, Tensor } = window.ort;
  const session = await InferenceSession.create(new Uint8Array(await bytesOf(block)), { executionProviders: ["wasm"], graphOptimizationLevel: "all", logSeverityLevel: 3 });
  const [first, second] = session.inputNames;

  return {
    /** What a net says of an image, as the files of papilio export do: bytes go in, and tensors come out, by their names. */
    ask: (image, shape) => session.run({ [first]: new Tensor("uint8", image, shape) }),
    decode: async (latents, width, label, num) => {
      const count = latents.length / width;
      const more = num && second ? { [second]: told(session, second, label ?? 0, count, num) } : {};
      const answer = await session.run({ [first]: new Tensor("float32", latents, [count, width]), ...more });
      return answer[session.outputNames[0]];
    },
  };

  /** A class for every picture: as numbers, or as rows with a single one. */
  function told(opened, name, label, count, num) {
    const about = opened.inputMetadata?.find((one) => one.name === name);
    if (about?.type?.includes("int")) return new Tensor("int64", BigInt64Array.from({ length: count }, () => BigInt(label)), [count]);
    const rows = new Float32Array(count * num);
    for (let n = 0; n < count; n++) rows[n * num + label] = 1;
    return new Tensor("float32", rows, [count, num]);
  }
}

/** Numbers from 0 to 1 as images of bytes: the channels may come first, as in torch, or last. */
export function picturesOf({ data, dims }, [height, width, channels]) {
  const num = dims[0], area = height * width;
  const isFirst = dims.length === 4 && dims[1] === channels && dims[2] === height;
  const out = new Uint8Array(num * area * channels);
  for (let n = 0; n < num; n++)
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < area; i++) {
        const from = n * area * channels + (isFirst ? c * area + i : i * channels + c);
        out[n * area * channels + i * channels + c] = Math.min(255, Math.max(0, Math.round(255 * data[from])));
      }
  return out;
}

/** One image as papilio export's files take it: gray ones without an axis for channels. */
export const shapeOfOne = ([height, width, channels]) => (channels === 1 ? [1, height, width] : [1, height, width, channels]);
