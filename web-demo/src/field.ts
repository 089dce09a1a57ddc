import { h } from "./dom";

const AUTOMATIC = CSS.supports("field-sizing", "content");

/** Makes a text area as high as its text, where the browser does not do it by itself. */
export function fit(area: HTMLTextAreaElement): void {
  if (AUTOMATIC) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}

/** A title that is edited in place: Enter or leaving it saves, Escape takes the typing back. */
export class TitleField {
  readonly element: HTMLTextAreaElement;
  private saved = "";

  constructor(props: Record<string, string>, maxlength: number, save: (title: string) => void) {
    this.element = h("textarea", { rows: 1, maxlength, spellcheck: "false", ...props });
    this.element.addEventListener("input", () => fit(this.element));
    this.element.addEventListener("blur", () => {
      const title = this.element.value.replace(/\s+/g, " ").trim();
      if (this.element.isConnected && title !== "" && title !== this.saved) save(title);
      else this.reset();
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") this.reset();
      this.element.blur();
    });
  }

  /** Shows a title from the document, unless somebody is typing another one here. */
  show(title: string): void {
    const typing = document.activeElement === this.element && this.element.value !== this.saved;
    this.saved = title;
    if (!typing) this.reset();
  }

  private reset(): void {
    if (this.element.value !== this.saved) this.element.value = this.saved;
    fit(this.element);
  }
}

/** A one-line form that adds something: Enter adds it and empties the field for the next one. */
export function addForm(className: string, placeholder: string, testid: string, maxlength: number, add: (title: string) => void): HTMLFormElement {
  const input = h("input", { placeholder, "aria-label": placeholder.replace("+ ", ""), "data-testid": testid, maxlength, autocomplete: "off" });
  const submit = (event: Event) => {
    event.preventDefault();
    const title = input.value.trim();
    input.value = "";
    if (title !== "") add(title);
  };
  return h("form", { class: className, onsubmit: submit }, input);
}
