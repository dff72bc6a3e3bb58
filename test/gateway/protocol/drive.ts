// Drives the pure protocol through inputs and collects what it wants done.

import type { Effect, Facts, Input, ResumableSession, ShardState } from "../../../src/gateway/protocol/state.ts"
import { newShard } from "../../../src/gateway/protocol/state.ts"
import { step } from "../../../src/gateway/protocol/step.ts"

export const GATEWAY_URL = "wss://gateway.example/"
export const RESUME_URL = "wss://resume.example/"
export const SESSION: ResumableSession = { id: "abc", resumeUrl: RESUME_URL, resumeFailures: 0 }

export class Driven {
  state: ShardState
  /** The effects of the last input. */
  effects: readonly Effect[] = []
  facts: Facts = { sequence: 0, alive: true, random: () => 0.5 }

  constructor(session: ResumableSession | null = null) {
    this.state = newShard(GATEWAY_URL, session)
  }

  give(input: Input): this {
    const { state, effects } = step(this.state, input, this.facts)
    this.state = state
    this.effects = effects
    return this
  }

  know(facts: Partial<Facts>): this {
    this.facts = { ...this.facts, ...facts }
    return this
  }

  packet(op: number, d: unknown = null, t: string | null = null): this {
    return this.give({ type: "packet", packet: { op, d, s: null, t } })
  }

  greeted(): this {
    return this.give({ type: "start" }).give({ type: "open" }).packet(10, { heartbeat_interval: 40_000 })
  }

  /** Live with a new session. */
  live(): this {
    return this.greeted()
      .give({ type: "turn" })
      .packet(0, { session_id: "abc", resume_gateway_url: RESUME_URL }, "READY")
  }

  effect<T extends Effect["type"]>(type: T): Extract<Effect, { type: T }> | undefined {
    return this.effects.find((effect): effect is Extract<Effect, { type: T }> => effect.type === type)
  }

  timer(name: string): number | undefined {
    const timer = this.effects.find((effect) => effect.type === "timer" && effect.timer === name)
    return timer?.type === "timer" ? timer.delayMs : undefined
  }
}
