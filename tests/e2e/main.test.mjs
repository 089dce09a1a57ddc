// The main job: two tabs and a Python script change one board together through a durable relay.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Board, id } from "./lib/board.mjs";
import { Browser } from "./lib/browser.mjs";
import { Child } from "./lib/process.mjs";
import { open } from "./lib/reader.mjs";
import { Relay } from "./lib/relay.mjs";
import { ROOT, TARGET, python } from "./lib/tools.mjs";
import { step, until } from "./lib/wait.mjs";

const ROOM = "board";
const BOT = join(ROOT, "bindings/python/examples/board_bot.py");
/** Seconds between two deeds of the bot. */
const BOT_INTERVAL = "0.4";

let relay;
let browser;
let ada;
let ben;
let bot;
/** What the bot printed so far. */
const said = [];

before(async () => {
  relay = await Relay.start();
  browser = await Browser.launch();
  const profile = await browser.profile();
  ada = new Board(await browser.board(profile, relay, ROOM, "Ada"));
  ben = new Board(await browser.board(profile, relay, ROOM, "Ben"));
});

after(async () => {
  await bot?.stop("SIGKILL");
  await browser?.close();
  await relay?.stop();
});

function startBot() {
  const args = [BOT, "--url", relay.url, "--room", ROOM, "--interval", BOT_INTERVAL, "--seed", "7"];
  bot = new Child("the Python bot", python(), args, { env: { PYTHONUTF8: "1" } });
  const listen = () => bot.line().then((line) => (said.push(line), listen())).catch(() => undefined);
  listen();
}

/** Waits until the bot has printed a line that matches. */
function botSays(what) {
  return until(`the bot's line ${what}`, () => said.find((line) => what.test(line)));
}

test("two tabs see each other's columns, cards, votes, tags and letters", { timeout: 60_000 }, async () => {
  await ada.tab.locator(id("starter-board")).click();
  await until("three columns in the other tab", () => ben.tab.locator(id("column")).count().then((found) => found === 3));
  await ada.addCard("todo", "Plan the launch");
  await ben.card("Plan the launch").waitFor();

  await Promise.all([ada.vote("Plan the launch", 3), ben.vote("Plan the launch", 2)]);
  await until("five votes in both tabs", async () => (await ada.votes("Plan the launch")) === 5 && (await ben.votes("Plan the launch")) === 5);
  await ada.tag("Plan the launch", "urgent");
  await ben.tag("Plan the launch", "docs");
  await until("two tags in both tabs", async () => [await ada.tags("Plan the launch"), await ben.tags("Plan the launch")].every((tags) => tags.join() === "docs,urgent"));
  await ben.write("Plan the launch", "Who writes the notes?");
  await until("Ben's words in Ada's tab", async () => (await ada.note("Plan the launch")) === "Who writes the notes?");
  await ada.write("Plan the launch", " I do, à bientôt!");
  await until("Ada's words in Ben's tab", async () => (await ben.note("Plan the launch")) === "Who writes the notes? I do, à bientôt!");
});

test("the Python bot takes part: it sees the tabs, and they see it", { timeout: 60_000 }, async () => {
  startBot();
  await botSays(/^joined the board/);
  const me = said.length;
  await until("a deed of the bot", () => said.slice(me).find((line) => line.startsWith("me: ")));
  for (const board of [ada, ben]) {
    await board.tab.locator(`${id("presence-avatar")}[data-self="false"]`).nth(1).waitFor();
    const own = await Promise.all([ada.replica(), ben.replica()]);
    const byBot = async () => {
      const authors = await board.tab.locator(`${id("activity-item")}[data-origin="remote"]`).evaluateAll((items) => items.map((item) => item.dataset.by));
      return authors.some((author) => !own.includes(author));
    };
    await until("the bot's change in the tab", byBot);
  }
  await ada.addCard("todo", "Ask three people to try it");
  await ben.addCard("doing", "Measure a cold start");
  await ben.tag("Measure a cold start", "speed");
  await ada.rename("Plan the launch", "Plan the big launch");
  await botSays(/title: 'Plan the launch' -> 'Plan the big launch'/);
});

test("acknowledgements reach durable, and all three replicas show one digest", { timeout: 60_000 }, async () => {
  for (const board of [ada, ben]) {
    await board.saved();
    const levels = await until("durable for each change", async () => {
      const shown = await board.levels();
      return shown.length > 0 && shown.every((level) => level === "durable") && shown;
    });
    assert.ok(levels.length > 0);
  }
  await until("all equal on Ada's page", async () => {
    const peers = await ada.tab.locator(id("peer-digest")).evaluateAll((rows) => rows.map((row) => row.dataset.equal));
    return peers.length === 2 && peers.every((equal) => equal === "true");
  }, { every: 5 });
  const folder = join(TARGET, "e2e");
  mkdirSync(folder, { recursive: true });
  await ada.tab.bringToFront();
  await ada.tab.screenshot({ path: join(folder, "board.png"), animations: "disabled" });
});

test("a killed relay is noticed, survived, and told truthfully", { timeout: 90_000 }, async () => {
  await relay.kill();
  for (const board of [ada, ben]) await until("the page to notice", async () => (await board.state()) === "connecting");
  await ada.addCard("doing", "Written while the relay was dead");
  await ben.vote("Plan the big launch");
  assert.ok((await ada.unsaved()) > 0, "the card is unsaved");
  assert.equal((await ada.levels())[0], "waiting");
  const votes = await ben.votes("Plan the big launch");

  await step("the relay starts again", () => relay.start());
  await step("both tabs are saved again", () => Promise.all([ada.saved(60), ben.saved(60)]));
  await until("durable", async () => (await ada.levels())[0] === "durable");
  await ben.card("Written while the relay was dead").waitFor();
  await until("Ben's vote in Ada's tab", async () => (await ada.votes("Plan the big launch")) >= votes);
  await botSays(/title: .* -> 'Written while the relay was dead'/);
});

test("at the end all hold the same, on disk too", { timeout: 60_000 }, async () => {
  await bot.stop("SIGTERM");
  const last = await botSays(/^saved; digest /);
  const digest = last.replace("saved; digest ", "");
  for (const board of [ada, ben]) await until("the bot's digest", async () => (await board.digest()) === digest);
  await relay.kill();
  await relay.start();
  const fresh = await open(relay.url, ROOM);
  assert.equal(fresh.doc.digest(), digest);
  assert.deepEqual(JSON.parse(await relay.command("get", ROOM)), await ada.values());
  fresh.close();
  assert.deepEqual(browser.problems, []);
});
