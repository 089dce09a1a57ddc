/**
 * Anything a document can hold.
 *
 * | JavaScript | stored as |
 * |---|---|
 * | `null`, `boolean`, `string` | the same |
 * | `number` that is a safe integer (and not `-0`) | 64-bit integer |
 * | any other `number` | 64-bit float |
 * | `bigint` within 64 bits | 64-bit integer; one beyond the safe range is read back as `bigint` |
 * | `Uint8Array` | bytes |
 * | `Date` | timestamp, in milliseconds |
 * | `Float32Array` | packed vector, for embeddings |
 * | array, plain object | list and map, replaced as a whole |
 *
 * Properties that are `undefined` are left out, as in JSON; `undefined` anywhere else is refused.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | Float32Array
  | Value[]
  | { [key: string]: Value };

/**
 * How safe a write is at the relay, from weak to strong.
 *
 * - `"accepted"`: in the relay's memory and on its way to the other replicas.
 * - `"stored"`: written; survives a crash of the relay process.
 * - `"durable"`: flushed to disk; survives a power cut.
 */
export type AckLevel = "accepted" | "stored" | "durable";
