// The simulated users of the demo: they ask, and what the bot answered is recognised when it comes back as an event.

import type { APIMessage } from "discord-api-types/v10"
import type { Broker } from "../../brokers/broker.ts"
import type { Clock } from "../../flow/clock.ts"
import type { Simulator } from "../../simulator/simulator.ts"

export type Question = "/ping" | "!ping"

export interface Asked {
  /** Who asked. */
  readonly user: string
  /** Resolves, when the bot's answer has come, to what it said and how long that took. */
  readonly answer: Promise<{ readonly content: string; readonly tookMs: number }>
}

export interface UsersOptions {
  readonly discord: Simulator
  /** A member of a group of its own: it sees every event. */
  readonly broker: Broker
  readonly clock: Clock
}

interface Waiting {
  readonly askedMs: number
  readonly resolve: (answer: { readonly content: string; readonly tookMs: number }) => void
}

export class Users {
  asked = 0
  answered = 0
  readonly #options: UsersOptions
  /** By what was asked: the id of the interaction, or of the message. As many as were not answered yet. */
  readonly #waiting = new Map<string, Waiting>()
  #next = 0

  constructor(options: UsersOptions) {
    this.#options = options
  }

  /** Reads what comes back until `signal` aborts. */
  async listen(signal: AbortSignal): Promise<void> {
    const { broker, discord } = this.#options
    for await (const delivery of broker.consume(["MESSAGE_CREATE"], signal)) {
      const message = delivery.data() as APIMessage
      if (message.author.id === discord.world.bot.id) this.#onAnswer(message)
      await delivery.ack()
    }
  }

  /** One user after the other asks, in the first channel of a guild. */
  ask(question: Question): Asked {
    const { discord, clock } = this.#options
    const guild = discord.world.guild(discord.world.guildIds[0] ?? "")
    const people = (guild?.members ?? []).filter(({ user }) => user.bot !== true && user.id !== discord.world.bot.id)
    const { id: userId = "", username = "" } = people[this.#next % people.length]?.user ?? {}
    this.#next += 1
    this.asked += 1
    const askedMs = clock.nowMs()
    const said =
      question === "/ping"
        ? discord.rest.interact({ command: "ping", userId })
        : discord.rest.say({ content: question, userId })
    const { promise, resolve } = Promise.withResolvers<{ readonly content: string; readonly tookMs: number }>()
    this.#waiting.set(String(Reflect.get(said, "id")), { askedMs, resolve })
    return { user: username, answer: promise }
  }

  #onAnswer({ message_reference, interaction_metadata, content }: APIMessage): void {
    const id = message_reference?.message_id ?? interaction_metadata?.id ?? ""
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    this.answered += 1
    waiting.resolve({ content, tookMs: this.#options.clock.nowMs() - waiting.askedMs })
  }
}
