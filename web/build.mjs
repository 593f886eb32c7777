// Builds the page of `papilio explore`: node build.mjs. What it writes is committed, so that a user needs no node.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync, mkdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "src", "papilio", "explorer", "static");
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
    const text = file ? readFileSync(join(folder, file), "utf8").trim() : `License: ${license}`;
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
console.log(`page.html: ${(statSync(join(out, "page.html")).size / 1024).toFixed(0)} KiB`);
