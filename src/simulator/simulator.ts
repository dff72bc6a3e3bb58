// What tests and the command line hold on to: everything that can be asked of a running simulator.

import type { World } from "./corpus/world.ts"
import type { Fault } from "./faults/fault.ts"
import type { WaitingFault } from "./faults/faults.ts"
import type { Injection } from "./faults/inject.ts"
import type { LoggedDispatch } from "./gateway/dispatch-log.ts"
import type { SessionStartLimit } from "./gateway/identify-budget.ts"
import type { TrafficRate } from "./options.ts"
import type { ClientRecord } from "./record.ts"
import type { SimulatedRest } from "./rest/simulated-rest.ts"
import type { Burst } from "./traffic/burst.ts"

export interface SessionView {
  readonly id: string
  readonly shard: number
  readonly shardCount: number
  readonly intents: number
  /** Of the last dispatch. */
  readonly sequence: number
  readonly connected: boolean
  /** False once it can no longer be resumed. */
  readonly live: boolean
}

export interface Simulator {
  /** `http://127.0.0.1:PORT`: the REST API is under `/api/v10`. */
  readonly url: string
  /** `127.0.0.1:PORT`, for DISCORD_API_HOST. */
  readonly host: string
  /** `ws://127.0.0.1:PORT`, as `/gateway/bot` gives it. */
  readonly gatewayUrl: string
  readonly world: World
  /** What clients did. */
  readonly record: ClientRecord
  /** Limits and counts of the REST API, and users that use commands. */
  readonly rest: Omit<SimulatedRest, "api" | "remember" | "trafficInteraction" | "holdShared">
  /** @throws FaultError when there is no such fault, or not at that moment. */
  inject(fault: Fault): Injection
  /** Takes back a fault that waits or lasts. False when there is none with that id. */
  cancel(id: number): boolean
  clearFaults(): void
  faults(): readonly WaitingFault[]
  /**
   * Dispatches an event on every session of the shard, connected or not, whose intents cover it.
   * @returns how many sessions got it.
   */
  dispatch(shard: number, t: string, d: unknown): number
  /** Every session, ended ones too, oldest first. */
  sessions(): readonly SessionView[]
  /** What a session dispatched after that sequence; undefined when there is no such session. */
  log(sessionId: string, afterSequence?: number): readonly LoggedDispatch[] | undefined
  rate(): TrafficRate
  setRate(rate: TrafficRate): void
  limits(): SessionStartLimit
  /** Changes what is given, and makes the token valid again if it had been reset. */
  setLimits(limits: Partial<SessionStartLimit>): void
  /** @throws FaultError when the shard has no connected session, or one whose intents cover no event. */
  prepareBurst(options: { readonly shard: number; readonly events: number }): Promise<Burst>
  stop(): Promise<void>
}
