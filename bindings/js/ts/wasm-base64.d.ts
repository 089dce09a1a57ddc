// Written by the build to dist/wasm-base64.js.
export const WASM_BASE64: string;
