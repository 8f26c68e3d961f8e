// Makes app/page/static/vendor again out of node_modules: `npm ci && npm run vendor`.
//
// A library's files are copied as its package holds them; tus-js-client alone, whose parts
// import CommonJS, is bundled into one module. Versions are those of package.json. The
// record vendor.json says what each file is, for tests/unit/app/page/test_vendor.py.

import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const MODULES = path.join(ROOT, "node_modules");
const VENDOR = path.join(ROOT, "app/page/static/vendor");
const BUNDLED = ["js-base64", "url-parse", "querystringify", "requires-port"];

const LIBRARIES = [
  { name: "preact", files: { "dist/preact.mjs": "preact.mjs", "hooks/dist/hooks.mjs": "hooks.mjs" } },
  { name: "htm", files: { "dist/htm.module.js": "htm.mjs" } },
  { name: "@preact/signals-core", files: { "dist/signals-core.mjs": "signals-core.mjs" } },
  { name: "@preact/signals", files: { "dist/signals.mjs": "signals.mjs" } },
  { name: "tus-js-client", bundle: "lib.esm/browser/index.js", as: "tus.mjs" },
];

const record = [];
await rm(VENDOR, { recursive: true, force: true });
for (const library of LIBRARIES) record.push(await vendor(library));
await writeFile(path.join(VENDOR, "vendor.json"), `${JSON.stringify(record, null, 2)}\n`);

async function vendor({ name, files = {}, bundle, as }) {
  const source = path.join(MODULES, name);
  const { version, license } = JSON.parse(await readFile(path.join(source, "package.json"), "utf8"));
  const folder = `${name.replace("@preact/", "preact-")}@${version}`;
  const target = path.join(VENDOR, folder);
  await mkdir(target, { recursive: true });
  for (const [from, to] of Object.entries(files)) await cp(path.join(source, from), path.join(target, to));
  if (bundle) await bundleInto(path.join(source, bundle), path.join(target, as));
  await writeFile(path.join(target, "LICENSE"), await licenceOf(name, bundle ? BUNDLED : []));
  const sha256 = {};
  for (const file of (await readdir(target)).sort()) {
    sha256[file] = createHash("sha256").update(await readFile(path.join(target, file))).digest("hex");
  }
  return { name, version, licence: license, folder, sha256 };
}

async function bundleInto(entry, outfile) {
  await build({
    entryPoints: [entry], outfile, bundle: true, format: "esm", minify: true,
    target: "es2020", charset: "utf8", legalComments: "none", logLevel: "error",
  });
}

async function licenceOf(name, parts) {
  const texts = [await textOf(name)];
  for (const part of parts) texts.push(`Contains ${part}:\n\n${await textOf(part)}`);
  return `${texts.map((text) => text.trim()).join("\n\n---\n\n")}\n`;
}

async function textOf(name) {
  const folder = path.join(MODULES, name);
  const found = (await readdir(folder)).find((file) => /^licen[cs]e(\.\w+)?$/i.test(file));
  if (!found) throw new Error(`${name} has no licence file`);
  return readFile(path.join(folder, found), "utf8");
}
