/** A Node client on the npm package, in this process. */

import { Doc, connect } from "syncline";
import { within } from "./wait.mjs";

/** Opens a room with a fresh, empty copy and waits until all of it is here. */
export async function open(url, room, seconds = 60) {
  const doc = new Doc();
  const connection = connect(url, { room, doc });
  await within(seconds, `opening ${room} from Node`, connection.synced());
  const close = () => {
    connection.close();
    doc.free();
  };
  return { doc, connection, close };
}
