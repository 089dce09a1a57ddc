// The status page in a browser: live numbers, nothing from elsewhere, a token where one is asked for.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { open } from "./lib/reader.mjs";
import { Relay } from "./lib/relay.mjs";
import { until } from "./lib/wait.mjs";

const TOKEN = "a token of operators with enough bytes";
const ROOM = "a room <b>with</b> a name that is longer than the screen of a telephone is wide";

let relay;
let browser;

before(async () => {
  relay = await Relay.start({ SYNCLINE_ADMIN__TOKEN: TOKEN });
  browser = await Browser.launch();
});

after(async () => {
  await browser?.close();
  await relay?.stop();
});

/** The page in a window of its own, with what it asked for. */
async function statusPage(size) {
  const tab = await (await browser.profile(size)).newPage();
  const asked = new Set();
  tab.on("request", (request) => asked.add(new URL(request.url()).host));
  await tab.goto(`http://127.0.0.1:${relay.port}/status`);
  await tab.locator("#ask.shown").waitFor();
  return { tab, asked };
}

async function show(tab, token) {
  await tab.locator("#token").fill(token);
  await tab.locator("#ask button").click();
}

/** What a number of a card shows. */
function number(tab, card, name) {
  const box = tab.locator("article", { has: tab.getByRole("heading", { name: card, exact: true }) });
  return box.locator(".now div", { hasText: name }).locator("b").textContent();
}

test("the page shows what happens, each second, once it has the token", { timeout: 60_000 }, async () => {
  const writer = await open(relay.url, ROOM);
  const writing = setInterval(() => writer.doc.counter("count").increment(), 20);
  try {
    const { tab, asked } = await statusPage();
    await show(tab, "another token of operators, also long");
    await until("the refusal", async () => (await tab.locator("#state").textContent()) === "a token is needed");
    await show(tab, TOKEN);
    await until("the state", async () => (await tab.locator("#state").textContent()) === "ready");
    await until("frames", async () => Number.parseInt(await number(tab, "Frames", "from clients"), 10) > 5);
    await until("a time", async () => /\d (µs|ms|s)$/.test(await number(tab, "Until a write is durable", "99 of 100")));
    await until("a curve", async () => ((await tab.locator("article path").first().getAttribute("d")) ?? "").includes("L"));
    assert.equal(await tab.locator("#rooms td").first().textContent(), ROOM);
    assert.deepEqual([...asked], [`127.0.0.1:${relay.port}`]);
    await relay.kill();
    await until("the loss", async () => /does not answer/.test(await tab.locator("#state").textContent()));
    await relay.start();
    await until("the return", async () => (await tab.locator("#state").textContent()) === "ready");
  } finally {
    clearInterval(writing);
    writer.close();
  }
  assert.deepEqual(browser.problems, []);
});

test("on a narrow screen nothing is beside the page", { timeout: 60_000 }, async () => {
  const reader = await open(relay.url, ROOM);
  const { tab } = await statusPage({ width: 360, height: 740 });
  await show(tab, TOKEN);
  await tab.locator("#rooms td").first().waitFor();
  const width = await tab.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 360, `the page is ${width} wide`);
  reader.close();
});
