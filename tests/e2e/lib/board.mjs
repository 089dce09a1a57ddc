/** What a person does and sees on the board, by the attributes that the page keeps stable. */

import { until } from "./wait.mjs";

export const id = (name) => `[data-testid="${name}"]`;

/** A tab that shows the board. */
export class Board {
  constructor(tab) {
    this.tab = tab;
  }

  card(title) {
    return this.tab.locator(`${id("card")}:has([aria-label="Move card ${title}"])`);
  }

  async addCard(column, title) {
    const field = this.tab.locator(`${id("column")}[data-column="${column}"] ${id("new-card-title")}`);
    await field.fill(title);
    await field.press("Enter");
    await this.card(title).waitFor();
  }

  async vote(title, times = 1) {
    for (let vote = 0; vote < times; vote++) await this.card(title).locator(id("vote-up")).click();
  }

  async votes(title) {
    return Number(await this.card(title).locator(id("votes")).textContent());
  }

  async tag(title, tag) {
    const field = this.card(title).locator(id("tag-input"));
    await field.fill(tag);
    await field.press("Enter");
  }

  async tags(title) {
    const shown = await this.card(title).locator(id("tag")).all();
    return Promise.all(shown.map((tag) => tag.getAttribute("data-tag")));
  }

  /** Types at the end of a card's note, key by key. */
  async write(title, text) {
    const note = this.card(title).locator(id("card-body"));
    await note.focus();
    await note.press("Control+End");
    await note.pressSequentially(text);
  }

  note(title) {
    return this.card(title).locator(id("card-body")).inputValue();
  }

  async rename(title, next) {
    const field = this.card(title).locator(id("card-title"));
    await field.fill(next);
    await field.press("Enter");
    await this.card(next).waitFor();
  }

  titles() {
    return this.tab.locator(id("card-title")).evaluateAll((fields) => fields.map((field) => field.value));
  }

  state() {
    return this.tab.locator(id("connection-state")).getAttribute("data-state");
  }

  async unsaved() {
    return Number(await this.tab.locator(id("unsaved-count")).textContent());
  }

  /** The levels that the latest own changes have reached, newest first. */
  levels() {
    return this.tab.locator(`${id("activity-item")}[data-origin="local"]`).evaluateAll((items) => items.map((item) => item.dataset.level));
  }

  digest() {
    return this.tab.evaluate(() => window.syncline.doc.digest());
  }

  replica() {
    return this.tab.evaluate(() => window.syncline.doc.replica);
  }

  values() {
    return this.tab.evaluate(() => JSON.parse(JSON.stringify(window.syncline.doc.toJSON())));
  }

  toggleOffline() {
    return this.tab.locator(id("offline-switch")).click();
  }

  /** Waits until everything of this tab is on the relay's disk. */
  saved(seconds = 30) {
    return until("all of the tab's changes on the relay's disk", async () => (await this.state()) === "live" && (await this.unsaved()) === 0, { seconds });
  }

  /** Waits until everything of this tab is on its own disk. */
  kept() {
    return this.tab.evaluate(() => window.syncline.persistence.flushed());
  }

  async reload() {
    await this.tab.reload();
    await this.tab.waitForFunction(() => window.syncline !== undefined);
  }
}
