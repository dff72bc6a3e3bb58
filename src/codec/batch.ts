// Where events lie in memory: one buffer of encoded events, back to back, and one array of records that say which is
// which. Nothing is allocated per event.

/** The integers of one record, in this order. */
export const RECORD_INTS = 5

/**
 * Positions within a record. The sequence is `high * 2 ** 32 + (low >>> 0)`. `offset` and `length` are bytes within the
 * batch and cover the framing too.
 */
export const RecordField = { event: 0, sequenceLow: 1, sequenceHigh: 2, offset: 3, length: 4 } as const

/** Events of one session, in the order of their sequence, in the broker's encoding. */
export interface EventBatch {
  /** The shard whose events these are, by a number that no other one has, in whichever set of shards. */
  readonly slot: number
  readonly sessionId: string
  /** Event names; a record's `event` is a position in it. */
  readonly events: readonly string[]
  /** The encoded events back to back, with nothing before, between or after them. */
  readonly bytes: Uint8Array
  /** `count` records. May be longer. */
  readonly records: Int32Array
  readonly count: number
  /**
   * While the bot is resharded, one for each event: what names it whichever session it came by; null where its content does
   * not. Absent otherwise.
   */
  readonly keys?: readonly (string | null)[]
}
