import { byId, h, icon } from "./dom";
import { NOTICES } from "./limits";

interface Options {
  kind?: "info" | "error";
  /** Milliseconds until it goes by itself; without it, it stays until it is closed. */
  for?: number;
  action?: { label: string; run: () => void };
}

/** Shows a short message at the bottom of the page. The same message is not shown twice. */
export function notice(text: string, options: Options = {}): void {
  const list = byId("notices");
  const { kind = "info", action } = options;
  for (const shown of [...list.children]) if ((shown as HTMLElement).dataset.text === text) shown.remove();
  const close = () => element.remove();
  const element = h(
    "div",
    { class: `notice ${kind}`, "data-testid": kind === "error" ? "error-message" : "notice", "data-text": text },
    h("p", {}, text),
    action &&
      h("button", { type: "button", "data-testid": "notice-action", onclick: () => (close(), action.run()) }, action.label),
    h("button", { class: "quiet", type: "button", "aria-label": "Close", onclick: close }, icon("close")),
  );
  list.append(element);
  while (list.children.length > NOTICES) list.firstElementChild?.remove();
  if (options.for !== undefined) setTimeout(close, options.for);
}
