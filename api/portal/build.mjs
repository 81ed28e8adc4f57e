// Builds the portal into a folder: `node build.mjs FOLDER`. Files have content hashes in their names and lie there
// plain, as brotli and as gzip; `assets.rs` lists them for the binary.

import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { build } from "esbuild";
import { bundles } from "./bundle.mjs";

const MEDIA_TYPES = {
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
const brotli = promisify(zlib.brotliCompress);
const gzip = promisify(zlib.gzip);

const out = path.resolve(process.argv[2] ?? "dist");
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

// Files that pages name directly, by their logical name: "main.js" is "main-HASH.js".
const roles = new Map();
for (const options of bundles(out, true)) {
  const { metafile } = await build(options);
  for (const [file, { entryPoint }] of Object.entries(metafile.outputs)) {
    const name = path.basename(file);
    if (entryPoint && Object.values(options.entryPoints).includes(entryPoint)) {
      roles.set(name, name.replace(/-[^-.]+(\.\w+)$/, "$1"));
    }
  }
}

const rows = await Promise.all((await readdir(out)).sort().map(row));
await writeFile(path.join(out, "assets.rs"), `&[\n${rows.join("")}]\n`);

async function row(name) {
  const file = path.join(out, name);
  const bytes = await readFile(file);
  const mediaType = MEDIA_TYPES[path.extname(name)];
  if (!mediaType) {
    throw new Error(`${name}: no media type is known for ${path.extname(name)}`);
  }
  await writeFile(`${file}.br`, await brotli(bytes, { params: { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
  await writeFile(`${file}.gz`, await gzip(bytes, { level: 9 }));
  const include = (suffix) => `include_bytes!(${JSON.stringify(file + suffix)})`;
  return `    Asset { role: ${JSON.stringify(roles.get(name) ?? "")}, name: ${JSON.stringify(name)}, `
    + `media_type: ${JSON.stringify(mediaType)}, plain: ${include("")}, brotli: ${include(".br")}, gzip: ${include(".gz")} },\n`;
}
