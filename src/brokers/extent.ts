// How far a message reaches in bytes that arrive in pieces. What the two scanners below the decoders answer.

export type Extent =
  /** The value ends before this position of the bytes given. */
  | { readonly type: "complete"; readonly end: number }
  /** All bytes given belong to the value, and more must come. */
  | { readonly type: "partial" }
  /** Found wrong at this position. */
  | { readonly type: "invalid"; readonly at: number; readonly reason: string }

/** The deepest nesting of maps and arrays that is decoded. */
export const MAX_DEPTH = 256
