// Ends the connections by which others write, as step.ts wants it, tells an operator, and says how it went.

import type { Logger } from "../../ops/log.ts"
import type { Ledger } from "./ledger.ts"
import type { Input } from "./member-state.ts"

export interface EndingOptions {
  readonly ledger: Ledger
  readonly log: Logger
  readonly on: {
    /** Connections of another process were ended. */
    readonly fenced: () => void
  }
}

/** Of a node whose lease passed. */
export async function fenceNode({ ledger, log, on }: EndingOptions, node: string): Promise<Input> {
  try {
    await ledger.fence(node)
    on.fenced()
    log.warn({ node }, "a gateway's lease passed: its connections to Redis were ended, its shards go to others")
    return { type: "fenced", node }
  } catch (error) {
    log.warn({ err: error, node }, "a gateway's lease passed, and its connections cannot be ended; trying again")
    return { type: "fence-failed", node }
  }
}

/** @param ledgerFrom the `claimFromMs` of a ledger that was opened, and of which all but the spared have not heard yet */
export async function sweepStrays(
  { ledger, log, on }: EndingOptions,
  ledgerFrom: number,
  spared: readonly string[],
): Promise<Input> {
  try {
    const connections = await ledger.sweep(spared)
    if (connections > 0) {
      on.fenced()
      log.warn(
        { connections },
        "Redis had lost or moved the leases: connections of gateways that are not back were ended",
      )
    }
    return { type: "swept", ledger: ledgerFrom }
  } catch (error) {
    log.warn(
      { err: error },
      "no shard can be taken: connections of gateways that are not back cannot be ended; trying again",
    )
    return { type: "sweep-failed", ledger: ledgerFrom }
  }
}
