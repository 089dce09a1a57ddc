import { h, icon, setText } from "./dom";
import { addCard, deleteColumn, renameColumn } from "./edits";
import { addForm, TitleField } from "./field";
import { TITLE_CHARS } from "./limits";
import type { CardContext } from "./card";
import type { Column } from "./model";

/** The id of the place for cards whose column is gone; it is shown only while there are any. */
export const STRAYS = "";

/** One column with its list of cards. */
export class ColumnView {
  readonly element: HTMLElement;
  readonly list: HTMLOListElement;
  private readonly title: TitleField | null;
  private readonly count = h("span", { class: "count", "data-testid": "column-count" });
  private readonly handle: HTMLButtonElement | null;
  private column: Column;

  constructor(column: Column, private readonly context: CardContext, author: () => string) {
    const { model } = context;
    const real = column.id !== STRAYS;
    this.column = column;
    this.list = h("ol", { class: "cards", "data-testid": "card-list" });
    this.handle = real
      ? h("button", { class: "handle", type: "button", "data-testid": "column-handle", "aria-describedby": "move-help" }, icon("grip"))
      : null;
    this.title = real
      ? new TitleField({ class: "title", "data-testid": "column-title", "aria-label": "Column title" }, TITLE_CHARS, (title) =>
          renameColumn(model, column.id, title),
        )
      : null;
    const heading = this.title?.element ?? h("span", { class: "title", title: "Their column was deleted by somebody else" }, "Without a column");
    this.element = h(
      "section",
      { class: "column", "data-testid": "column", "data-column": column.id, "data-drag": real && "column" },
      h("header", { class: "column-head" }, this.handle, heading, real ? this.deleteButton() : null, this.count),
      this.list,
      real
        ? addForm("add-card", "+ Add a card", "new-card-title", TITLE_CHARS, (title) => {
            addCard(model, column.id, title, author());
            this.list.scrollTop = this.list.scrollHeight;
          })
        : null,
    );
  }

  update(column: Column, cards: number): void {
    this.column = column;
    const title = column.title || "Untitled column";
    this.title?.show(title);
    this.handle?.setAttribute("aria-label", `Move column ${title}`);
    this.element.setAttribute("aria-label", title);
    setText(this.count, String(cards));
  }

  private deleteButton(): HTMLButtonElement {
    const remove = () => {
      const { model, onDeleted } = this.context;
      onDeleted(`Column “${this.column.title}” deleted`, deleteColumn(model, this.column));
    };
    return h("button", { class: "quiet", type: "button", "data-testid": "column-delete", "aria-label": "Delete column", onclick: remove }, icon("close"));
  }
}
