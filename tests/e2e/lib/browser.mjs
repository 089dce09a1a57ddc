/** A real Chromium: tabs on the board, and tabs on a bare page with the npm package. */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium as playwright } from "playwright-core";
import { serve } from "./static.mjs";
import { boardPage, chromium, npmPackage } from "./tools.mjs";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const BARE_PAGE = fileURLToPath(new URL("../page/", import.meta.url));

/** Chromium with a server for the pages. All tabs of one profile share their local store. */
export class Browser {
  #browser;
  #server;
  /** Errors that pages reported, in any tab. */
  problems = [];

  static async launch() {
    const self = new Browser();
    const executablePath = chromium();
    self.#server = await serve({ "/board/": boardPage(), "/bare/": BARE_PAGE, "/package/": resolve(npmPackage()) });
    self.#browser = await playwright.launch({ executablePath, args: FLAGS });
    return self;
  }

  /** A new person: local stores are apart from those of other profiles. */
  async profile(size = { width: 1360, height: 860 }) {
    const context = await this.#browser.newContext({ viewport: size });
    context.on("weberror", (problem) => this.problems.push(String(problem.error())));
    return context;
  }

  /** Opens the board in a tab of a profile. */
  async board(profile, relay, room, name) {
    const tab = await profile.newPage();
    const query = new URLSearchParams({ relay: relay.url, room, name });
    await tab.goto(`${this.#server.origin}/board/?${query}`);
    await tab.waitForFunction(() => window.syncline !== undefined);
    return tab;
  }

  /** Opens a room in a tab without an interface: `window.doc` and `window.connection`. */
  async bare(profile, relay, room) {
    const tab = await profile.newPage();
    await tab.goto(`${this.#server.origin}/bare/`);
    await tab.waitForFunction(() => window.openRoom !== undefined);
    await tab.evaluate(([url, name]) => window.openRoom(url, name), [relay.url, room]);
    return tab;
  }

  async close() {
    await this.#browser?.close();
    await this.#server?.close();
  }
}
