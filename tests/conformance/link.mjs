// Hears a recorded conversation with a relay through the public JavaScript API, over a socket that plays it.

import { difference, read } from "./notation.mjs";

/** A WebSocket that says what the recording says. */
class PlayedSocket {
  static last;
  readyState = 0;
  bufferedAmount = 0;

  constructor() {
    PlayedSocket.last = this;
  }
  send() {}
  close() {}
  opens() {
    this.readyState = 1;
    this.onopen({});
  }
}

/** Plays the steps of `test` with the imported package; returns the list of what differs in the end. */
export async function runLink(syncline, test, now) {
  const doc = new syncline.Doc({ replica: test.replica, now: () => now });
  const [renewed, writes] = [[], []];
  let connection;
  for (const step of test.steps) {
    if (step.do === "load") doc.import(read(step.saved));
    else if (step.do === "online") {
      if (connection) connection.online();
      else {
        connection = syncline.connect("ws://127.0.0.1:1", { room: "r", doc, WebSocket: PlayedSocket });
        connection.on("renewed", (event) => renewed.push(event));
      }
      PlayedSocket.last.opens();
    } else if (step.do === "offline") connection.offline();
    else if (step.do === "count") writes.push(doc.counter("n").increment(step.by));
    else for (const frame of step.frames) PlayedSocket.last.onmessage({ data: read(frame).buffer });
    await new Promise((resolve) => setTimeout(resolve));
  }
  const found = {
    n: doc.counter("n").value,
    digest: doc.digest(),
    unsaved: connection.status.unsaved,
    renewed: renewed.map(({ from, taken }) => ({ from, taken })),
  };
  const problems = [difference(read(test.expect), found)];
  const acks = await Promise.allSettled(writes.map((write) => write.acked({ timeout: 500 })));
  problems.push(...acks.filter(({ status }) => status === "rejected").map(({ reason }) => String(reason)));
  if (renewed.length > 0 && doc.replica !== renewed.at(-1).to) problems.push(`the document says its id is ${doc.replica}`);
  if (renewed.length === 0 && doc.replica !== test.replica) problems.push("the id changed without a word");
  connection.close();
  return problems.filter(Boolean);
}
