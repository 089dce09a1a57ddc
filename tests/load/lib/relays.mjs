/** The relays under test: how each is started, what it speaks, and where. */

import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "../../e2e/lib/process.mjs";
import { freePort, temporaryFolder } from "../../e2e/lib/relay.mjs";
import { until } from "../../e2e/lib/wait.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Ours, once for each dialect. */
const ours = (dialect, path) => ({
  name: `syncline, ${dialect} dialect`,
  ours: true,
  durable: true,
  dialect,
  path,
  command: ({ port, folder }) => [
    process.env.SYNCLINE_BIN,
    ["serve", "--dev", "--listen", `127.0.0.1:${port}`, "--data", join(folder, "data"), "--log-level", "warn"],
  ],
});

/** By a short name. `durable` says that an acknowledgement means the disk has it. */
export const RELAYS = {
  syncline: { ...ours("syncline", "sync"), name: "syncline" },
  "syncline-y-websocket": ours("y-websocket", "yjs"),
  "syncline-hocuspocus": ours("hocuspocus", "hocuspocus"),
  "y-websocket": {
    name: "@y/websocket-server",
    dialect: "y-websocket",
    path: "",
    command: () => [process.execPath, [here("../node_modules/@y/websocket-server/src/server.js")]],
    env: ({ port }) => ({ HOST: "127.0.0.1", PORT: String(port) }),
  },
  hocuspocus: {
    name: "Hocuspocus + SQLite",
    dialect: "hocuspocus",
    path: "",
    command: ({ port, folder }) => [
      process.execPath,
      [here("../servers/hocuspocus.mjs"), String(port), join(folder, "documents.sqlite")],
    ],
  },
  "y-sweet": {
    name: "y-sweet",
    dialect: "y-websocket",
    path: "d/{room}/ws/{room}",
    command: ({ port, folder }) => [
      process.env.Y_SWEET_BIN,
      ["serve", "--host", "127.0.0.1", "--port", String(port), join(folder, "documents")],
    ],
    env: () => ({ RUST_LOG: "error" }),
  },
};

/** Starts a relay on a free port with an empty folder. */
export async function start(relay) {
  const place = { port: await freePort(), folder: temporaryFolder() };
  const [command, args] = relay.command(place);
  const child = new Child(relay.name, command, args, { env: relay.env?.(place) ?? {}, cwd: place.folder });
  // Ours listens before it is ready, and says when it is.
  if (relay.ours) await child.line();
  // What else it prints is of no interest, but must be read.
  const drain = async () => {
    for (;;) await child.line();
  };
  drain().catch(() => undefined);
  await until(`${relay.name} listens`, () => listens(place.port));
  return { child, folder: place.folder, url: `ws://127.0.0.1:${place.port}/${relay.path}` };
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const done = (open) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => done(true)).once("error", () => done(false));
  });
}
