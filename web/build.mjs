// Builds the page of `papilio explore`: node build.mjs. What it writes is committed, so that a user needs no node.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "src", "papilio", "explorer", "static");
// packages that come without the text of their license, which is MIT
const HOLDERS = {
  "onnxruntime-web": `Copyright (c) Microsoft Corporation (ONNX Runtime). What it contains itself has licenses of its own. They are in ThirdPartyNotices.txt of the
same release of ONNX Runtime: static/onnxruntime-ThirdPartyNotices.txt in Papilio, "ort-notices" (compressed) in an exported page.`,
};
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE.`;
// what onnxruntime-web contains: not in its npm package. A new version of that package takes the new file, from the source or the Python package
// of the same version.
const NOTICES = "onnxruntime-ThirdPartyNotices.txt";
const PAGE_PACKAGES = ["preact", "@preact/signals", "@preact/signals-core", "gifenc"];

/** Every file that decides what is built, in the order of their paths. tests/explorer/test_built_page.py computes the same. */
function sources(folder) {
  return readdirSync(folder).sort().flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? sources(path) : [path];
  });
}

function digest() {
  const hash = createHash("sha256");
  const files = [...sources(join(here, "src")), ...["build.mjs", "package.json", "package-lock.json", "page.html"].map((name) => join(here, name))];
  for (const path of files.map((one) => relative(here, one).replaceAll("\\", "/")).sort()) {
    hash.update(`${path}\n`);
    hash.update(readFileSync(join(here, path), "utf8").replaceAll("\r\n", "\n"));
  }
  return hash.digest("hex");
}

function notices(packages) {
  return packages.map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((one) => /^licen[sc]e/i.test(one));
    const text = file ? readFileSync(join(folder, file), "utf8").trim() : `${HOLDERS[name]}\n\n${MIT}`;
    return `${name} ${version} (${license})\n\n${text}`;
  }).join("\n\n----\n\n").replaceAll("-->", "-- >");
}

async function bundle(entry, options = {}) {
  const result = await build({
    entryPoints: [join(here, "src", entry)], bundle: true, minify: !process.env.PLAIN, write: false, format: "iife", target: ["chrome111", "firefox115", "safari16.4"],
    jsx: "automatic", jsxImportSource: "preact", legalComments: "none", charset: "utf8", outdir: "built", ...options,
  });
  return result.outputFiles[0].text.trim();
}

// a closing tag inside of a script would end it
const inline = (script) => script.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");

mkdirSync(out, { recursive: true });
const template = readFileSync(join(here, "page.html"), "utf8");
const style = await bundle("style/all.css");
const script = inline(await bundle("main.jsx"));
writeFileSync(
  join(out, "page.html"),
  template
    .replace("{{notices}}", () => notices(PAGE_PACKAGES))
    .replace("{{sources}}", () => digest())
    .replace("{{style}}", () => style)
    .replace("{{script}}", () => script),
);

// for exported pages: the source that reads arrays of the page, and onnxruntime-web with its wasm
const comment = (packages) => `/*\nsources: sha256 ${digest()}\n\n${notices(packages)}\n*/\n`;
writeFileSync(join(out, "embedded.js"), `/* sources: sha256 ${digest()} */\n${inline(await bundle("source/embedded.js"))}\n`);
// the runtime asks for its own address, to find files that the page has already given it
const runtime = await bundle("source/runtime.js", { define: { "import.meta.url": "document.baseURI" }, external: ["module", "worker_threads", "node:*", "fs", "os", "path"] });
writeFileSync(join(out, "ort.js"), comment(["onnxruntime-web"]) + inline(runtime) + "\n");
const wasm = readFileSync(join(here, "node_modules", "onnxruntime-web", "dist", "ort-wasm-simd-threaded.wasm"));
// other versions of zlib make other files of the same bytes: these megabytes are only written when what they hold has changed
const kept = join(out, "ort.wasm.gz");
if (!existsSync(kept) || !gunzipSync(readFileSync(kept)).equals(wasm)) writeFileSync(kept, gzipSync(wasm, { level: 9 }));
writeFileSync(join(out, "LICENSES.txt"), `Packages that the files of this folder contain: page.html has the first ${PAGE_PACKAGES.length}, ort.js and ort.wasm.gz the last.
page.html and ort.js have them at their head, too.

${notices([...PAGE_PACKAGES, "onnxruntime-web"])}
`);
if (!existsSync(join(out, NOTICES))) throw new Error(`${NOTICES} is missing in ${out}`);
for (const name of ["page.html", "embedded.js", "ort.js", "ort.wasm.gz", "LICENSES.txt"]) console.log(`${name}: ${(statSync(join(out, name)).size / 1024).toFixed(0)} KiB`);
