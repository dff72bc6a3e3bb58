// An event's body in the form the broker wants.

import type { Body } from "../encoding.ts"
import type { Bytes } from "./bytes.ts"
import { writeMapHeader, writeNumber, writeString, writeValue } from "./messagepack.ts"
import type { Dispatch } from "./payload.ts"

/** `raw` is the JSON text of `d`. */
export function writeBody(out: Bytes, body: Body, dispatch: Dispatch, raw: Uint8Array, shard: number): void {
  switch (body) {
    case "msgpack":
      return writeValue(out, dispatch.d)
    case "json":
      return raw.length === 0 ? out.appendAscii("null") : out.append(raw)
    case "discordjs":
      return writeDiscordJs(out, dispatch, shard)
  }
}

/** `{payload: {op, t, s, d}, shardId}`, as @discordjs/brokers publishes it. */
function writeDiscordJs(out: Bytes, { op, t, s, d }: Dispatch, shard: number): void {
  writeMapHeader(out, 2)
  writeString(out, "payload")
  writeMapHeader(out, 4)
  writeString(out, "op")
  writeNumber(out, op)
  writeString(out, "t")
  writeString(out, t)
  writeString(out, "s")
  writeNumber(out, s)
  writeString(out, "d")
  writeValue(out, d)
  writeString(out, "shardId")
  writeNumber(out, shard)
}
