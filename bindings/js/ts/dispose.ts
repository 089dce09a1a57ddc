declare global {
  interface SymbolConstructor {
    /** The method that ends the life of an object at the end of a `using` block. */
    readonly dispose: unique symbol;
  }
  /** What a `using` block can hold. */
  interface Disposable {
    [Symbol.dispose](): void;
  }
}

// Older browsers lack it; TypeScript's and esbuild's `using` then look for this one.
const symbols: { dispose?: symbol } = Symbol;
if (symbols.dispose === undefined) {
  Object.defineProperty(Symbol, "dispose", { value: Symbol.for("Symbol.dispose") });
}

export {};
