/**
 * Lets an exception of a callback become visible as an uncaught one, without disturbing whoever called the callback.
 * @internal
 */
export function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
