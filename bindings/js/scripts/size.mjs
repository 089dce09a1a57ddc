// Prints what the package weighs on the wire.
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
for (const file of process.argv.slice(2).length > 0 ? process.argv.slice(2) : ["dist/syncline.wasm", "dist/glue.js"]) {
  const bytes = readFileSync(file);
  const [gzip, brotli] = [gzipSync(bytes).length, brotliCompressSync(bytes, options).length];
  console.log(`${file}: ${bytes.length} bytes, gzip ${gzip}, brotli ${brotli}`);
}
