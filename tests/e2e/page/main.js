// The npm package as a page without a bundler uses it.
import { Doc, connect, init } from "../package/index.js";

/** Opens a room and waits until everything of it is here. */
window.openRoom = async (url, room) => {
  await init();
  window.doc = new Doc();
  window.connection = connect(url, { room, doc: window.doc });
  await window.connection.synced();
};
