// What happens in the demo, in order, and the lines that tell it: single commands, a crowd that asks for more than Discord's
// limit, and a connection that is cut.

import { type Clock, sleep } from "../../flow/clock.ts"
import type { Simulator } from "../../simulator/simulator.ts"
import type { Paint } from "../colour.ts"
import type { Question, Users } from "./users.ts"

/** After everything is ready. */
const FIRST_MS = 500
const BETWEEN_MS = 1_000
const CROWD = 12
const CROWD_LIMIT = "a channel takes 5 messages of a bot in 5 s"
const WAY = "Discord → gateway → broker → handler → proxy → Discord → gateway → broker"
/** Answers that come together are told together. */
const TOGETHER_MS = 250
/** When nothing else happens, somebody asks. */
const QUIET_MS = 4_000
/** How long the crowd needs at the limit, with some to spare. */
const CROWD_NEEDS_MS = 11_000

export interface StoryOptions {
  readonly discord: Simulator
  readonly users: Users
  readonly clock: Clock
  readonly paint: Paint
  readonly write: (text: string) => void
  /** Events that the broker did not get, by now. */
  readonly lost: () => number
  /** How long the demo goes on; Infinity: until somebody ends it. */
  readonly lastsMs: number
}

export class Story {
  /** There and back, of commands that waited for no limit. */
  readonly tookMs: number[] = []
  readonly #options: StoryOptions
  readonly #startMs: number
  #cuts = 0

  constructor(options: StoryOptions) {
    this.#options = options
    this.#startMs = options.clock.nowMs()
  }

  /** For the summary. */
  get cuts(): string {
    return this.#cuts === 0 ? "" : ", one connection cut on the way"
  }

  /** A line: when, who, what, and how it came about. */
  tell(who: string, what: string, note = ""): void {
    const { clock, paint, write } = this.#options
    const time = `${((clock.nowMs() - this.#startMs) / 1_000).toFixed(1)} s`.padStart(8)
    const columns = note === "" ? what : `${what.padEnd(22)} ${paint("dim", note)}`
    write(`${paint("dim", time)}  ${who.padEnd(15)} ${columns}\n`)
  }

  /** Plays until `signal` aborts. */
  async play(signal: AbortSignal): Promise<void> {
    const { clock, lastsMs } = this.#options
    const cutMs = Number.isFinite(lastsMs) ? lastsMs / 2 : CROWD_NEEDS_MS
    const over = (error: unknown) => {
      if (!signal.aborted) throw error
    }
    const cut = sleep(clock, cutMs, signal)
      .then(() => this.#cut(signal))
      .catch(over)
    await Promise.all([this.#askInTurn(signal).catch(over), cut])
  }

  async #askInTurn(signal: AbortSignal): Promise<void> {
    const { clock, lastsMs } = this.#options
    await sleep(clock, FIRST_MS, signal)
    await this.#askOnce("/ping", signal)
    await sleep(clock, BETWEEN_MS, signal)
    await this.#askOnce("!ping", signal)
    await sleep(clock, BETWEEN_MS, signal)
    if (lastsMs - (clock.nowMs() - this.#startMs) > CROWD_NEEDS_MS) await this.#askAllAtOnce(signal)
    for (;;) {
      await sleep(clock, QUIET_MS, signal)
      await this.#askOnce("/ping", signal)
    }
  }

  async #askOnce(question: Question, signal: AbortSignal): Promise<void> {
    const { user, answer } = this.#options.users.ask(question)
    const { content, tookMs } = await unless(signal, answer)
    this.tell(user, `${question}   ${content}`, `${tookMs.toFixed(1)} ms there and back`)
    if (this.tookMs.push(tookMs) === 1) this.#options.write(`${" ".repeat(27)}${this.#options.paint("dim", WAY)}\n`)
  }

  async #askAllAtOnce(signal: AbortSignal): Promise<void> {
    const { users, clock, discord, paint } = this.#options
    const refusedBefore = discord.rest.counts().refused.user
    this.tell(`${CROWD} users`, "!ping, all at once", CROWD_LIMIT)
    let fresh = 0
    let left = CROWD
    const tellFresh = () => {
      const refused = discord.rest.counts().refused.user - refusedBefore
      const end = paint("green", `all were answered, and Discord had to refuse ${refused}`)
      this.tell("", `        ${fresh} × Pong!`, left === 0 ? end : `${left} wait in the proxy`)
      fresh = 0
    }
    const answers = Array.from({ length: CROWD }, async () => {
      await unless(signal, users.ask("!ping").answer)
      fresh += 1
      left -= 1
      if (fresh === 1) clock.after(TOGETHER_MS, tellFresh)
    })
    await Promise.all(answers)
    await sleep(clock, TOGETHER_MS, signal)
  }

  async #cut(signal: AbortSignal): Promise<void> {
    const { discord, clock, paint, lost } = this.#options
    const from = discord.record.next()
    const cutMs = clock.nowMs()
    discord.inject({ type: "drop", shard: 0 })
    await unless(
      signal,
      discord.record.waitFor("resume", ({ outcome }) => outcome === "resumed", from),
    )
    this.#cuts += 1
    const tookMs = (clock.nowMs() - cutMs).toFixed(0)
    this.tell("shard 0", "its connection is cut", paint("green", `resumed after ${tookMs} ms, ${lost()} events lost`))
  }
}

/** @throws the signal's reason when it aborts first. */
function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => reject(signal.reason)
    signal.addEventListener("abort", onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort))
  })
}
