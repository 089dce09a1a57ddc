/** Serves folders of built files over HTTP, as any static host would. */

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize, sep } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** Serves `folders`, a folder for each prefix such as `/` or `/package/`; the longest prefix wins. */
export async function serve(folders) {
  const prefixes = Object.keys(folders).sort((one, two) => two.length - one.length);
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const prefix = prefixes.find((start) => path.startsWith(start));
    const inner = path.slice(prefix?.length ?? 0) || "index.html";
    const file = prefix && normalize(join(folders[prefix], inner));
    try {
      if (!file?.startsWith(folders[prefix].replace(/\/?$/, sep))) throw new Error("outside");
      const body = await readFile(file);
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
