/** Somebody who speaks the protocol wrongly, on purpose. */

import { connect as connectTcp } from "node:net";
import WebSocket from "ws";
import { within } from "./wait.mjs";

/** Largest frame that a relay takes, in bytes. */
export const FRAME_BYTES = 256 * 1024;
/** Largest message in bytes, put together from its fragments. */
export const MESSAGE_BYTES = 64 * 1024 * 1024;

const cbor = {
  head: (major, number) => (number < 24 ? [(major << 5) | number] : number < 256 ? [(major << 5) | 24, number] : [(major << 5) | 25, number >> 8, number & 255]),
  uint: (number) => cbor.head(0, number),
  bytes: (bytes) => [...cbor.head(2, bytes.length), ...bytes],
  text: (text) => [...cbor.head(3, Buffer.byteLength(text)), ...Buffer.from(text)],
  array: (...items) => Uint8Array.from([...cbor.head(4, items.length), ...items.flat()]),
};

/** The messages that the tests bring out of order; see core/src/link/protocol.cddl. */
export const message = {
  hello: (protocol = 1) => cbor.array(cbor.uint(0), cbor.uint(protocol), cbor.uint(0), cbor.text("hostile"), [0xf6], cbor.uint(0)),
  open: (room, replica) => cbor.array(cbor.uint(1), cbor.text(room), cbor.bytes(replica), cbor.bytes([0])),
  leave: (room) => cbor.array(cbor.uint(8), cbor.uint(room)),
  ping: (number) => cbor.array(cbor.uint(9), cbor.uint(number)),
  drain: () => cbor.array(cbor.uint(11), cbor.uint(0)),
  live: (room, ...bytes) => Uint8Array.from([1, room, ...bytes]),
  /** A piece of a message, with more to come. */
  fragment: (bytes) => Buffer.concat([Buffer.from([3, 0]), bytes]),
};

/** Opens a WebSocket to the relay; `end` resolves with `{code, reason}` when it is over. */
export async function attack(url, protocol = "syncline.1") {
  const socket = new WebSocket(url, protocol, { maxPayload: 0, perMessageDeflate: false });
  const end = new Promise((resolve) => socket.on("close", (code, reason) => resolve({ code, reason: String(reason) })));
  const failed = new Promise((_, reject) => socket.on("error", reject));
  failed.catch(() => undefined);
  await Promise.race([new Promise((resolve) => socket.on("open", resolve)), failed]);
  return { socket, end };
}

/** Sends frames in a connection of their own and returns how the relay closed it. */
export async function send(url, frames, seconds = 20) {
  const { socket, end } = await attack(url);
  for (const frame of frames) {
    if (socket.readyState !== WebSocket.OPEN) break;
    await new Promise((resolve) => socket.send(frame, { binary: typeof frame !== "string" }, resolve));
  }
  try {
    return await within(seconds, "the relay's close", end);
  } finally {
    socket.terminate();
  }
}

/** Sends bytes over a bare TCP connection; resolves with what came back once the relay has closed it. */
export async function sendRaw(port, bytes, seconds = 20) {
  const socket = connectTcp(port, "127.0.0.1");
  let answer = Buffer.alloc(0);
  socket.on("data", (data) => (answer = Buffer.concat([answer, data])));
  socket.on("error", () => undefined);
  const end = new Promise((resolve) => socket.on("close", () => resolve(answer)));
  socket.write(bytes);
  try {
    return await within(seconds, "the relay's close", end);
  } finally {
    socket.destroy();
  }
}

/** The head of a correct request for a WebSocket. */
export function upgradeRequest(port) {
  return [
    "GET /sync HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol: syncline.1",
    "",
    "",
  ].join("\r\n");
}

/** A WebSocket class that writes down what its user sends. */
export function recording(frames) {
  return class extends WebSocket {
    send(data, ...rest) {
      frames.push(Uint8Array.from(data));
      super.send(data, ...rest);
    }
  };
}
