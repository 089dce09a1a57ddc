import { h, icon, setText } from "./dom";
import { addTag, deleteCard, removeTag, renameCard, vote } from "./edits";
import { fit, TitleField } from "./field";
import { LONG_NOTE_CHARS, TAG_CHARS, TITLE_CHARS } from "./limits";
import type { BoardModel, Card } from "./model";
import { avatar } from "./person";
import type { People } from "./presence";
import { TextBinding } from "./textbind";

/** What a card needs from the page around it. */
export interface CardContext {
  model: BoardModel;
  people: People;
  onDeleted(what: string, undo: () => void): void;
}

/** One card on the board. It lives as long as the card, through every move. */
export class CardView {
  readonly element: HTMLLIElement;
  readonly stop: () => void;
  private readonly title: TitleField;
  private readonly votes = h("output", { class: "votes", "data-testid": "votes", "aria-label": "Votes" });
  private readonly tags = h("ul", { class: "tags", "aria-label": "Tags" });
  private readonly people = h("div", { class: "card-people" });
  private readonly handle: HTMLButtonElement;
  private card: Card;

  constructor(card: Card, private readonly context: CardContext) {
    this.card = card;
    const { model } = context;
    this.title = new TitleField({ class: "title", "data-testid": "card-title", "aria-label": "Card title" }, TITLE_CHARS, (title) =>
      renameCard(model, card.id, title),
    );
    this.handle = h("button", { class: "handle", type: "button", "data-testid": "card-handle", "aria-describedby": "move-help" }, icon("grip"));
    const body = h("textarea", {
      class: "body",
      rows: 1,
      placeholder: "Write a note",
      "aria-label": "Note",
      "data-testid": "card-body",
    });
    this.stop = new TextBinding(body, model.doc.text("cards", card.id, "body"), () => fitBody(body)).follow(model.doc, ["cards", card.id, "body"]);
    this.element = h(
      "li",
      { class: "card", "data-testid": "card", "data-card": card.id, "data-drag": "card" },
      h("div", { class: "card-head" }, this.handle, this.title.element, this.deleteButton()),
      body,
      this.footer(),
      this.people,
    );
    this.element.addEventListener("focusin", () => context.people.setCard(card.id));
    this.element.addEventListener("focusout", (event) => {
      if (!this.element.contains(event.relatedTarget as Node | null)) context.people.setCard(null);
    });
  }

  update(card: Card): void {
    this.card = card;
    this.title.show(card.title || "Untitled card");
    setText(this.votes, String(card.votes));
    this.handle.setAttribute("aria-label", `Move card ${card.title}`);
    this.element.dataset.column = card.column;
    this.renderTags();
  }

  /** Shows who else is on this card. */
  showPeople(): void {
    const here = this.context.people.onCard(this.card.id);
    this.element.classList.toggle("occupied", here.length > 0);
    this.element.style.setProperty("--person", here[0]?.color ?? "transparent");
    this.people.replaceChildren(...here.slice(0, 3).map((person) => avatar(person, { "data-testid": "card-presence" })));
  }

  private deleteButton(): HTMLButtonElement {
    const remove = () => {
      const { model, onDeleted } = this.context;
      onDeleted(`Card “${this.card.title}” deleted`, deleteCard(model, this.card));
    };
    return h("button", { class: "quiet", type: "button", "data-testid": "card-delete", "aria-label": "Delete card", onclick: remove }, icon("close"));
  }

  private footer(): HTMLElement {
    const { model } = this.context;
    const tagInput = h("input", {
      class: "tag-input",
      placeholder: "+ tag",
      "aria-label": "Add a tag",
      "data-testid": "tag-input",
      maxlength: TAG_CHARS,
      list: "tag-list",
      autocomplete: "off",
      onkeydown: (event: KeyboardEvent) => {
        if (event.isComposing || (event.key !== "Enter" && event.key !== ",")) return;
        event.preventDefault();
        const tag = tagInput.value.trim().toLowerCase();
        tagInput.value = "";
        if (tag !== "" && !this.card.tags.includes(tag)) addTag(model, this.card.id, tag);
      },
    });
    const voteButton = (by: 1 | -1) =>
      h(
        "button",
        {
          class: "vote",
          type: "button",
          "data-testid": by === 1 ? "vote-up" : "vote-down",
          "aria-label": by === 1 ? "Vote for it" : "Vote against it",
          onclick: () => vote(model, this.card.id, by),
        },
        icon(by === 1 ? "plus" : "minus"),
      );
    return h("div", { class: "card-foot" }, this.tags, tagInput, h("div", { class: "vote-group" }, voteButton(-1), this.votes, voteButton(1)));
  }

  private renderTags(): void {
    const shown = [...this.tags.children].map((tag) => (tag as HTMLElement).dataset.tag);
    if (shown.join("\n") === this.card.tags.join("\n")) return;
    this.tags.replaceChildren(...this.card.tags.map((tag) => this.tag(tag)));
  }

  private tag(tag: string): HTMLElement {
    const remove = () => removeTag(this.context.model, this.card.id, tag);
    return h(
      "li",
      { class: "tag", style: `--hue:${hueOf(tag)}`, "data-testid": "tag", "data-tag": tag },
      tag,
      h("button", { type: "button", "data-testid": "tag-remove", "aria-label": `Remove tag ${tag}`, onclick: remove }, icon("close")),
    );
  }
}

/** A long note has its full height in any case; measuring its text at each key would only cost time. */
function fitBody(body: HTMLTextAreaElement): void {
  const long = body.value.length > LONG_NOTE_CHARS;
  body.classList.toggle("long", long);
  if (long) body.style.height = "";
  else fit(body);
}

/** The same hue for the same tag on every page. */
function hueOf(tag: string): number {
  return [...tag].reduce((hue, letter) => (hue * 33 + (letter.codePointAt(0) ?? 0)) % 360, 200);
}
