// The protocol's waits and bounds. Discord gives none of these but the 1–5 s; they are ours.

/** From dialling to an open socket, TLS included. */
export const DIAL_DEADLINE_MS = 15_000
/** From an open socket to Hello. */
export const HELLO_DEADLINE_MS = 15_000
/** From Identify to READY, and from Resume to RESUMED or at least some progress. */
export const READY_DEADLINE_MS = 60_000

/** Resumes in a row that may fail, without one replayed event, before the session is given up. */
export const MAX_RESUME_FAILURES = 3

export const RECONNECT_BACKOFF = { baseMs: 1_000, capMs: 60_000 } as const

/** After op 9 `false`. Source: Gateway › Resuming (wait a random 1 to 5 seconds). */
export const INVALID_SESSION_WAIT_MS = { least: 1_000, most: 5_000 } as const
