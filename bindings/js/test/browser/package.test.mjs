// The package in a real browser: loading, IndexedDB, workers.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { serve } from "./server.mjs";

const CHROMIUM = process.env.SYNCLINE_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let server, browser, context;

before(async () => {
  assert.ok(existsSync(CHROMIUM), `no browser at ${CHROMIUM}: run \`apt-get install -y --no-install-recommends chromium\`, or set SYNCLINE_CHROMIUM`);
  server = await serve();
  browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
  context = await browser.newContext();
});

after(async () => {
  await browser?.close();
  server?.close();
});

/** Opens a tab in which the package is loaded; it fails the test if anything goes wrong in it unseen. */
async function tab() {
  const page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(`uncaught in the page: ${error.stack}`));
  await page.goto(`${server.url}/test/browser/page.html`);
  await page.waitForFunction(() => window.loaded);
  await page.evaluate(() => window.loaded);
  return page;
}

describe("loading", () => {
  test("init loads the WASM from beside the module, once", async () => {
    const page = await tab();
    const loads = await page.evaluate(async () => {
      await Promise.all([syncline.init(), syncline.init()]);
      return performance.getEntriesByType("resource").filter((entry) => entry.name.endsWith(".wasm")).length;
    });
    assert.equal(loads, 1);
    await page.close();
  });

  test("a Doc before init says what to do", async () => {
    const page = await context.newPage();
    await page.goto(`${server.url}/test/browser/blank.html`);
    const caught = await page.evaluate(async () => {
      const { Doc } = await import("../../dist/index.js");
      try {
        return String(new Doc());
      } catch (error) {
        return error.code;
      }
    });
    assert.equal(caught, "not-initialized");
    await page.close();
  });

  test("the inline entry needs no file", async () => {
    const page = await context.newPage();
    await page.goto(`${server.url}/test/browser/blank.html`);
    const value = await page.evaluate(async () => {
      const { Doc } = await import("../../dist/inline.js");
      const doc = new Doc();
      doc.map().set("a", 1);
      return doc.toJSON();
    });
    assert.deepEqual(value, { a: 1 });
    await page.close();
  });

  test("a module worker can use it", async () => {
    const page = await tab();
    const value = await page.evaluate(async () => {
      const source = `
        import { init, Doc } from "${new URL("../../dist/index.js", location.href)}";
        onmessage = async ({ data }) => {
          await init();
          const doc = new Doc();
          doc.map().set("data", data);
          postMessage(doc.toJSON());
        };`;
      const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
      worker.postMessage("early");
      return new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
    });
    assert.deepEqual(value, { data: "early" });
    await page.close();
  });
});

describe("a document in the browser", () => {
  test("merges, tells and rolls back", async () => {
    const page = await tab();
    const result = await page.evaluate(() => {
      const { Doc } = syncline;
      const [ada, bob] = [new Doc(), new Doc()];
      const events = [];
      bob.subscribe((event) => events.push(`${event.path.join("/")} ${event.origin.type}`));
      ada.map("users").set("ada", 36);
      ada.text("notes").insert(0, "héllo 😀");
      bob.set("tags").add(new Uint8Array([1]));
      bob.import(ada.export());
      ada.import(bob.export({ from: ada.version() }));
      try {
        ada.transact(() => {
          ada.map().set("x", 1);
          throw new Error("no");
        });
      } catch {
        // Meant to fail.
      }
      return { equal: ada.digest() === bob.digest(), notes: ada.toJSON().notes, events: events.sort(), x: ada.map().has("x") };
    });
    const events = ["notes import", "tags local", "users/ada import"];
    assert.deepEqual(result, { equal: true, notes: "héllo 😀", events, x: false });
    await page.close();
  });

  test("survives a reload by IndexedDB", async () => {
    const page = await tab();
    await page.evaluate(async () => {
      const doc = new syncline.Doc();
      const store = await syncline.persist(doc, { name: "reload" });
      doc.map("users").set("ada", 36);
      doc.counter("visits").increment();
      doc.set("tags").add("x");
      doc.set("tags").delete("x");
      await store.flushed();
    });
    for (let visit = 2; visit <= 3; visit++) {
      await page.reload();
      await page.waitForFunction(() => window.loaded);
      const json = await page.evaluate(async () => {
        await window.loaded;
        const doc = new syncline.Doc();
        const store = await syncline.persist(doc, { name: "reload" });
        doc.counter("visits").increment();
        await store.flushed();
        return doc.toJSON();
      });
      assert.deepEqual(json, { users: { ada: 36 }, visits: visit });
    }
    await page.close();
  });

  test("a tab that is closed without flushing loses nothing that it wrote in an earlier task", async () => {
    const first = await tab();
    await first.evaluate(async () => {
      window.doc = new syncline.Doc();
      window.store = await syncline.persist(window.doc, { name: "closing" });
      window.doc.map().set("a", 1);
    });
    await first.waitForTimeout(200);
    await first.close();
    const second = await tab();
    const json = await second.evaluate(async () => {
      const doc = new syncline.Doc();
      await syncline.persist(doc, { name: "closing" });
      return doc.toJSON();
    });
    assert.deepEqual(json, { a: 1 });
    await second.close();
  });

  test("tabs that share a name lose nothing while each compacts", async () => {
    const tabs = await Promise.all([tab(), tab(), tab()]);
    const work = (page, name) =>
      page.evaluate(async (name) => {
        const doc = new syncline.Doc();
        const store = await syncline.persist(doc, { name: "shared" });
        for (let i = 0; i < 600; i++) {
          doc.map().set(`${name} ${i}`, i);
          doc.counter("writes").increment();
          await store.flushed();
        }
        await store.close();
      }, name);
    await Promise.all(tabs.map((page, i) => work(page, `tab ${i}`)));
    const { size, writes, entries } = await tabs[0].evaluate(async () => {
      const doc = new syncline.Doc();
      await (await syncline.persist(doc, { name: "shared" })).close();
      const db = await new Promise((resolve) => (indexedDB.open("syncline:shared").onsuccess = (event) => resolve(event.target.result)));
      const request = db.transaction("entries").objectStore("entries").count();
      await new Promise((resolve) => (request.onsuccess = resolve));
      return { size: doc.map().size, writes: doc.counter("writes").value, entries: request.result };
    });
    assert.equal(size, 1801);
    assert.equal(writes, 1800);
    assert.ok(entries < 1000, `${entries} entries are left`);
    for (const page of tabs) await page.close();
  });
});
