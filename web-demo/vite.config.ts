import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  // The package finds its .wasm file relative to its own module; a pre-bundled copy would look in the wrong folder.
  optimizeDeps: { exclude: ["syncline"] },
  server: { fs: { allow: [".", "../bindings/js"] } },
  build: { target: "es2022" },
});
