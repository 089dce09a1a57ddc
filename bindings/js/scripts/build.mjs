// Builds dist/ from ts/ and from the packaged WASM in pkg/ (made by `cargo xtask build-js`).
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);
const glue = at("pkg", "syncline_js.js");
const wasm = at("pkg", "syncline_js_bg.wasm");
const small = at("pkg", "small", "syncline_js_bg.wasm");
const tools = { glue: at("pkg", "tools", "syncline_js.js"), wasm: at("pkg", "tools", "syncline_js_bg.wasm") };

if (![glue, wasm, small, tools.glue, tools.wasm].every(existsSync)) {
  console.error("bindings/js/pkg is missing: run `cargo xtask build-js` first");
  process.exit(1);
}
const version = JSON.parse(readFileSync(at("package.json"), "utf8")).version;
if (!readFileSync(at("ts", "version.ts"), "utf8").includes(`"${version}"`)) {
  console.error(`ts/version.ts does not say ${version}, as package.json does: change one of them`);
  process.exit(1);
}

rmSync(at("dist"), { recursive: true, force: true });
mkdirSync(at("dist"));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
const { status } = spawnSync(process.execPath, [tsc, "-p", at("tsconfig.json")], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

copyFileSync(tools.glue, at("dist", "tools", "glue.js"));
copyFileSync(tools.wasm, at("dist", "tools", "tools.wasm"));
copyFileSync(glue, at("dist", "glue.js"));
copyFileSync(wasm, at("dist", "syncline.wasm"));
copyFileSync(small, at("dist", "small.wasm"));
writeFileSync(at("dist", "wasm-base64.js"), `export const WASM_BASE64 = "${readFileSync(wasm, "base64")}";\n`);
console.log(`dist/ is built: syncline ${version}`);
