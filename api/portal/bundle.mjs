// What is bundled and how: shared by the build for the binary (build.mjs) and the development server (dev.mjs).

import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(fileURLToPath(import.meta.url));
const modules = path.join(root, "src", "modules");

/** `import modules from "virtual:modules"`: a loader for each file of src/modules, by its name. */
const moduleList = {
  name: "modules",
  setup(build) {
    build.onResolve({ filter: /^virtual:modules$/ }, () => ({ path: "modules", namespace: "virtual" }));
    build.onLoad({ filter: /.*/, namespace: "virtual" }, () => {
      const files = readdirSync(modules).filter((file) => file.endsWith(".ts")).sort();
      const entries = files.map((file) => `${JSON.stringify(file.slice(0, -3))}: () => import("./${file}"),`);
      return { contents: `export default {${entries.join("\n")}};`, resolveDir: modules, watchDirs: [modules] };
    });
  },
};

/** `import url from "package/file?url"`: the file is shipped as it is, and `url` is its address beside the script. */
const fileAddress = {
  name: "file-address",
  setup(build) {
    build.onResolve({ filter: /\?url$/ }, async (args) => {
      const found = await build.resolve(args.path.slice(0, -4), { kind: "import-statement", resolveDir: args.resolveDir });
      return found.errors.length > 0 ? found : { path: found.path, namespace: "file-address" };
    });
    build.onLoad({ filter: /.*/, namespace: "file-address" }, async (args) => {
      const { readFile } = await import("node:fs/promises");
      return { contents: await readFile(args.path), loader: "file" };
    });
  },
};

/** The options of esbuild's runs; `hash` puts content hashes into the names. */
export function bundles(outdir, hash) {
  const name = hash ? "[name]-[hash]" : "[name]";
  const common = {
    absWorkingDir: root,
    bundle: true,
    minify: hash,
    sourcemap: hash ? false : "inline",
    target: "es2022",
    metafile: true,
    outdir,
    entryNames: name,
    assetNames: name,
    chunkNames: "[name]-[hash]",
    logLevel: "warning",
    legalComments: "none",
  };
  return [
    // All modules of the pages; every import() becomes a file of its own.
    { ...common, entryPoints: { main: "src/main.ts" }, format: "esm", splitting: true, plugins: [moduleList, fileAddress] },
    // Runs before the first paint, so it is a plain script.
    { ...common, entryPoints: { theme: "src/theme.ts" }, format: "iife" },
    { ...common, entryPoints: { portal: "src/style/portal.css" }, loader: { ".svg": "file" } },
    // Pictures that pages name.
    { ...common, entryPoints: { favicon: "static/favicon.svg", land: "static/land.svg" }, loader: { ".svg": "copy" } },
  ];
}
