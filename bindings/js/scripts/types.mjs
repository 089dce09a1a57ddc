// Checks test/types.ts against the built package as users of TypeScript would: under both resolutions, with and without
// the newest library, and without skipping the declarations of the package.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
const resolutions = {
  nodenext: ["--module", "nodenext", "--moduleResolution", "nodenext"],
  bundler: ["--module", "esnext", "--moduleResolution", "bundler"],
};
for (const [name, resolution] of Object.entries(resolutions)) {
  for (const lib of ["ES2022,DOM,DOM.Iterable", "ESNext,DOM,DOM.Iterable,ESNext.Disposable"]) {
    const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", lib, "--types", "", ...resolution];
    const { status } = spawnSync(process.execPath, [tsc, "--ignoreConfig", ...options, "test/types.ts"], { cwd: root, stdio: "inherit" });
    if (status !== 0) {
      console.error(`the types do not check under ${name} with ${lib}`);
      process.exit(1);
    }
    console.log(`types check under ${name} with ${lib}`);
  }
}
