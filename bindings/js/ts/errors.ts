/**
 * What the relay or the library refused, and why.
 *
 * Every failure of this package is of this class. `code` is stable and made for programs; `message` is made for people
 * and says what to do.
 *
 * ```ts
 * try {
 *   doc.import(bytes);
 * } catch (error) {
 *   if (error instanceof SynclineError && error.code === "import-gap") await fetchSnapshot();
 *   else throw error;
 * }
 * ```
 */
export class SynclineError extends Error {
  /** The kind of failure, in kebab case, e.g. `"invalid-value"`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SynclineError";
    this.code = code;
  }
}
