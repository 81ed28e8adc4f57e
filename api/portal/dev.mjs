// Development server: `node dev.mjs --upstream http://127.0.0.1:8080 [--listen 5173]` serves scripts and styles from
// the sources, rebuilt at every change, and passes everything else to a running binary.

import http from "node:http";
import { existsSync } from "node:fs";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { context } from "esbuild";
import { bundles } from "./bundle.mjs";

const { values } = parseArgs({
  options: { upstream: { type: "string", default: "http://127.0.0.1:8080" }, listen: { type: "string", default: "5173" } },
});
const upstream = new URL(values.upstream);
const out = await mkdtemp(path.join(tmpdir(), "nilometer-portal-"));
for (const options of bundles(out, false)) {
  const running = await context(options);
  await running.watch();
}

const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

http
  .createServer(async (request, response) => {
    const name = path.basename(new URL(request.url, upstream).pathname);
    const plain = name.replace(/-[^-.]+(\.\w+)$/, "$1");
    const file = [name, plain].map((n) => path.join(out, n)).find((f) => path.extname(f) && existsSync(f));
    if (request.url.includes("/assets/") && file) {
      response.writeHead(200, { "content-type": TYPES[path.extname(file)], "cache-control": "no-store" });
      response.end(await readFile(file));
      return;
    }
    const forward = { hostname: upstream.hostname, port: upstream.port, path: request.url, method: request.method, headers: request.headers };
    const passed = http.request(forward, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    passed.on("error", (error) => response.writeHead(502).end(String(error)));
    request.pipe(passed);
  })
  .listen(Number(values.listen), "127.0.0.1", () => console.log(`http://127.0.0.1:${values.listen} over ${upstream.href}`));
