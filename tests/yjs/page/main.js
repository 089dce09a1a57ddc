// The unmodified clients as a web page uses them: `openRoom(kind, url, room)` gives a text, presence and its state.

import { HocuspocusProvider } from "@hocuspocus/provider";
import { WebsocketProvider as WebsocketProvider4 } from "@y/websocket";
import * as Y14 from "@y/y";
import { WebsocketProvider as WebsocketProvider2 } from "y-websocket-2";
import { WebsocketProvider as WebsocketProvider3 } from "y-websocket-3";
import * as Y from "yjs";

const sync = (Provider, doc, url, room) => new Provider(`${url}/yjs`, room, doc, { disableBc: true, maxBackoffTime: 100 });

const KINDS = {
  "y-websocket 2.1": (url, room) => sync(WebsocketProvider2, new Y.Doc(), url, room),
  "y-websocket 3.1": (url, room) => sync(WebsocketProvider3, new Y.Doc(), url, room),
  "@y/websocket 4.0.0-3": (url, room) => sync(WebsocketProvider4, new Y14.Doc(), url, room),
  "@hocuspocus/provider 4.8": (url, room) => new HocuspocusProvider({ url: `${url}/hocuspocus`, name: room }),
};

window.openRoom = (kind, url, room) => {
  const provider = KINDS[kind](url, room);
  const doc = provider.document ?? provider.doc;
  const text = doc.getText ? doc.getText("t") : doc.get("t");
  window.client = {
    synced: () => provider.synced,
    value: () => text.toString(),
    write: (words) => text.insert(text.length, words),
    name: (name) => provider.awareness.setLocalStateField("name", name),
    names: () => [...provider.awareness.getStates().values()].map((state) => state.name),
  };
};
