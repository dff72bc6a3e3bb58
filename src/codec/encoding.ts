// What a broker wants an event to look like. The decoder writes it in that form at once, so that publishing copies bytes
// and makes no objects.

/**
 * `msgpack`: MessagePack of the packet's `d`. `json`: its raw JSON text. `discordjs`: MessagePack of
 * `{payload: {op, t, s, d}, shardId}`, as @discordjs/brokers expects.
 */
export type Body = "msgpack" | "json" | "discordjs"

/** What surrounds each body. */
export type Framing =
  /** Nothing. */
  | { readonly type: "bare" }
  /** JSON: one `{"event":…,"data":…}` object a line. MessagePack: a map `{event, data}`; maps follow one another. */
  | { readonly type: "stdio" }
  /**
   * A finished Redis command in RESP: `XADD event [MINID ~ ms | MAXLEN ~ n] * data body id session:sequence`.
   * XADD takes one trimming strategy; `retentionMs` goes before `maxLength` when both are given.
   */
  | { readonly type: "redis"; readonly retentionMs?: number; readonly maxLength?: number }

export interface Encoding {
  readonly body: Body
  readonly framing: Framing
}
