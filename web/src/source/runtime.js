// onnxruntime-web as `window.ort`, built as a file of its own (static/ort.js): only exported pages with a network have it.

import * as ort from "onnxruntime-web/wasm";

window.ort = ort;
