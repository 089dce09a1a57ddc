/** Small things that outlive a reload. A browser that forbids storage loses them, nothing else. */

/** Reads what {@link keep} wrote: of this tab, or of this browser. */
export function recall(scope: "tab" | "browser", key: string): string | null {
  try {
    return storage(scope).getItem(`syncline-${key}`);
  } catch {
    return null;
  }
}

/** Keeps a text, or forgets it if it is `null`. */
export function keep(scope: "tab" | "browser", key: string, value: string | null): void {
  try {
    if (value === null) storage(scope).removeItem(`syncline-${key}`);
    else storage(scope).setItem(`syncline-${key}`, value);
  } catch {
    // Forbidden or full: the page works without it.
  }
}

const storage = (scope: "tab" | "browser"): Storage => (scope === "tab" ? sessionStorage : localStorage);
