// shards.count = "auto": once an hour one process asks Discord in how many guilds the bot is, and begins a reshard when it has
// outgrown its shards.

import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import type { LedgerShards } from "../fleet/ledger.ts"
import { chooseCount } from "./policy.ts"
import { isRunning, type Reshards } from "./record.ts"

const ASK_MS = 3_600_000
/** After the start: the gateways are there by then, and the bot has its guilds. */
const FIRST_MS = 60_000

export interface AutoReshardOptions {
  readonly reshards: Reshards
  readonly shards: () => Promise<LedgerShards | null>
  /** Whether it is this process that asks. */
  readonly isFirst: () => boolean
  readonly discord: () => Promise<{ readonly guilds: number | null; readonly maxConcurrency: number }>
  readonly newId: () => string
  readonly clock: Clock
  readonly log: Logger
}

export class AutoReshard {
  readonly #options: AutoReshardOptions
  #cancel: () => void

  constructor(options: AutoReshardOptions) {
    this.#options = options
    this.#cancel = options.clock.after(FIRST_MS, () => this.#ask())
  }

  close(): void {
    this.#cancel()
  }

  #ask(): void {
    const { clock, log } = this.#options
    this.#cancel = clock.after(ASK_MS, () => this.#ask())
    this.#begin().catch((error: unknown) => log.debug({ err: error }, "nobody knows whether the bot needs more shards"))
  }

  async #begin(): Promise<void> {
    const { reshards, shards, isFirst, discord, newId, log } = this.#options
    if (!isFirst() || isRunning(await reshards.read())) return
    const [has, { guilds, maxConcurrency }] = await Promise.all([shards(), discord()])
    if (has === null || guilds === null) return
    const from = has.set.count
    const choice = chooseCount("auto", { from, guilds, maxConcurrency, capacity: has.capacity })
    if (choice.type === "refused") log.error({ guilds }, choice.reason)
    if (choice.type !== "reshard") return
    log.info({ from, to: choice.to, guilds }, "the bot has outgrown its shards: resharding")
    await reshards.begin({ id: newId(), from, to: choice.to, configured: 0 })
  }
}
