// The shards that the configuration gives to this process, all of them for as long as it runs.

import type { Clock } from "../flow/clock.ts"
import { settlesWithin } from "../flow/deadline.ts"
import type { Logger } from "../ops/log.ts"
import { OperatorError } from "../ops/operator-error.ts"
import type { Fleet } from "./fleet.ts"
import type { Ownership } from "./ownership.ts"
import { SessionSaver } from "./sessions/saver.ts"
import type { SessionStore } from "./sessions/session.ts"
import type { ShardSet } from "./shard-set.ts"

/** How the time to stop is shared: for confirms, for the last sessions. */
const SHARES = { drain: 0.75, save: 0.25 } as const

export interface FixedOwnershipOptions {
  /** All of the bot's. */
  readonly set: ShardSet
  /** Those of this process. */
  readonly ids: readonly number[]
  readonly fleet: Fleet
  readonly store: SessionStore
  readonly clock: Clock
  readonly log: Logger
}

export function fixedOwnership({ set, ids, fleet, store, clock, log }: FixedOwnershipOptions): Ownership {
  const saver = new SessionSaver({
    store,
    clock,
    onError: (error) =>
      error instanceof OperatorError
        ? log.warn({}, `${error.message} It is tried again every second.`)
        : log.warn({ err: error }, "sessions could not be stored; trying again"),
  })
  let isStarted = false
  return {
    handOver: null,
    set,
    get waitsFor() {
      return isStarted ? null : "its sessions are being loaded"
    },
    async start() {
      const sessions = await Promise.all(ids.map(async (id) => [id, await store.load(id)] as const))
      isStarted = true
      fleet.add(new Map(sessions), { set, saver })
    },
    async stop(withinMs) {
      const drained = await settlesWithin(clock, withinMs * SHARES.drain, fleet.stop())
      if (!drained)
        log.warn({}, "the broker has not confirmed every event in time: Discord replays them after the restart")
      const saved = await settlesWithin(clock, withinMs * SHARES.save, saver.close()).catch(() => false)
      if (!saved) log.error({}, "the last sessions could not be stored: some events will come twice after the restart")
    },
  }
}
