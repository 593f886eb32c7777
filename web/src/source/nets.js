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

  async function run(data, shape, more = {}) {
    const answer = await session.run({ [first]: new Tensor("float32", data, shape), ...more });
    return session.outputNames.map((name) => ({ data: answer[name].data, dims: answer[name].dims }));
  }

  return {
    run: ({ data, shape }) => run(data, shape),
    decode: async (latents, width, label, num) => {
      const count = latents.length / width;
      const more = num && second ? { [second]: told(session, second, label ?? 0, count, num) } : {};
      return (await run(latents, [count, width], more))[0];
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

export function encoderInput(image, [height, width, channels]) {
  const area = height * width;
  const data = new Float32Array(image.length);
  for (let c = 0; c < channels; c++) for (let i = 0; i < area; i++) data[c * area + i] = image[i * channels + c] / 255;
  return { data, shape: [1, channels, height, width] };
}
