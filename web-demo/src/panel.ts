import { byId, h, icon } from "./dom";
import { NAME_CHARS } from "./limits";
import type { People } from "./presence";

const NARROW = matchMedia("(max-width: 860px)");

/** Puts the parts of the side panel together. On a narrow screen it is a sheet that the pill opens. */
export function buildPanel(people: People, parts: { status: HTMLElement; activity: HTMLElement; replicas: HTMLElement }): void {
  const panel = byId("panel");
  const toggle = byId("panel-toggle");
  const open = (shown: boolean) => {
    document.documentElement.classList.toggle("panel-closed", !shown);
    toggle.setAttribute("aria-expanded", String(shown));
    panel.inert = !shown;
  };
  const close = h("button", { class: "quiet close", type: "button", "aria-label": "Close sync details", onclick: () => (open(false), toggle.focus()) }, icon("close"));
  panel.append(
    close,
    parts.status,
    nameField(people),
    h("section", { class: "activity-section", "aria-label": "Activity" }, h("h2", {}, "Activity", legend()), parts.activity),
    parts.replicas,
  );
  toggle.addEventListener("click", () => open(toggle.getAttribute("aria-expanded") !== "true"));
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && NARROW.matches) close.click();
  });
  open(!NARROW.matches);
}

function legend(): HTMLElement {
  return h("span", { class: "legend" }, "accepted → stored → durable");
}

function nameField(people: People): HTMLElement {
  const save = () => {
    const name = input.value.trim();
    if (name === "" || name === people.name) return void (input.value = people.name);
    people.setName(name);
    const address = new URL(location.href);
    address.searchParams.set("name", name);
    history.replaceState(null, "", address);
  };
  const input = h("input", { "data-testid": "own-name", maxlength: NAME_CHARS, autocomplete: "off", spellcheck: "false", onchange: save });
  input.value = people.name;
  return h("label", { class: "own-name" }, "You are ", input);
}
