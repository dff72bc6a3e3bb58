// What to do about each error that Redis answers a publish with. Whatever may pass by itself is waited out, for an event
// must not be lost to it; the rest only an operator can mend.
// Source: Redis' own error codes (src/server.c, src/cluster.c), the cluster specification › MOVED and ASK redirection.

export type Remedy =
  /** Wait, and send the same again on this connection. */
  | { readonly type: "wait" }
  /** This server does not take writes; the one behind the same address may be another by now. */
  | { readonly type: "reconnect" }
  /** Another server of the cluster has the slot. `once`: it is moving there just now, so ask for this time only. */
  | { readonly type: "moved"; readonly address: string; readonly once: boolean }
  | { readonly type: "give-up" }

const PASSING: ReadonlySet<string> = new Set([
  "LOADING",
  "OOM",
  "MISCONF",
  "BUSY",
  "NOREPLICAS",
  "CLUSTERDOWN",
  "TRYAGAIN",
])
/** What a guarded transaction (write-guard.ts) fails with, in the form of an error of Redis'. */
export const FENCED = "FENCED this process may not write until it is let in again: its lease passed"
export const PERMITS_CHANGED = "TRYAGAIN another connection of this process has come"
/** MASTERDOWN: a replica that lost its master. */
const OTHER_SERVER: ReadonlySet<string> = new Set(["READONLY", "MASTERDOWN", "UNBLOCKED", "FENCED"])
const REDIRECTIONS: ReadonlySet<string> = new Set(["MOVED", "ASK"])
/** How EXEC tells why the transaction was not run, where the reason came up only then. */
const ABORTED = "EXECABORT Transaction discarded because of: "
/** The reason came as an earlier reply. */
const ABORTED_EARLIER = "EXECABORT"

/** The reason that EXEC refers to an earlier reply for says nothing by itself. */
export function refersToEarlier(text: string): boolean {
  return text.startsWith(ABORTED_EARLIER) && !text.startsWith(ABORTED)
}

export function remedyOf(errorText: string): Remedy {
  const text = errorText.startsWith(ABORTED) ? errorText.slice(ABORTED.length) : errorText
  const [code = "", , address = ""] = text.split(" ")
  if (PASSING.has(code)) return { type: "wait" }
  if (OTHER_SERVER.has(code) || text.startsWith("ERR max number of clients")) return { type: "reconnect" }
  if (REDIRECTIONS.has(code)) return { type: "moved", address, once: code === "ASK" }
  return { type: "give-up" }
}
