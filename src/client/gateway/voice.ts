// Joining a voice channel (op 4): what a voice connection needs comes in two events.
// Source: Discord's documentation, Voice Connections › Retrieving Voice Server Information.

import type { GatewayVoiceServerUpdateDispatchData, GatewayVoiceStateUpdateDispatchData } from "discord-api-types/v10"
import { Opcode } from "../../discord/opcodes.ts"
import type { Clock } from "../../flow/clock.ts"
import { Answers } from "./answers.ts"
import type { GatewayBroker, Sender } from "./send.ts"

const EVENTS = ["VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE"] as const
const DEFAULT_TIMEOUT_MS = 10_000

/** Which channel, and how. */
export interface VoiceJoin {
  readonly guildId: string
  readonly channelId: string
  readonly selfMute?: boolean
  readonly selfDeaf?: boolean
  /** Default 10,000. */
  readonly timeoutMs?: number
}

/** What a voice connection is opened with. */
export interface VoiceConnection {
  /** Has the `session_id`. */
  readonly state: GatewayVoiceStateUpdateDispatchData
  /** Has the `endpoint` and the `token`. */
  readonly server: GatewayVoiceServerUpdateDispatchData
}

interface Joining {
  readonly channelId: string
  state: GatewayVoiceStateUpdateDispatchData | undefined
  server: GatewayVoiceServerUpdateDispatchData | undefined
  readonly resolve: (connection: VoiceConnection) => void
  readonly reject: (error: unknown) => void
}

export class Voice {
  readonly #sender: Sender
  readonly #userId: string | undefined
  readonly #clock: Clock
  /** By guild: a bot is in one channel of a guild. */
  readonly #joining = new Map<string, Joining>()
  readonly #answers: Answers<(typeof EVENTS)[number]>

  constructor(broker: GatewayBroker, sender: Sender, userId: string | undefined, clock: Clock) {
    this.#sender = sender
    this.#userId = userId
    this.#clock = clock
    this.#answers = new Answers(broker, EVENTS, (message) => {
      if (message.event === "VOICE_STATE_UPDATE") this.#state(message.data)
      else this.#server(message.data)
    })
  }

  async join({ guildId, channelId, selfMute = false, selfDeaf = false, timeoutMs = DEFAULT_TIMEOUT_MS }: VoiceJoin) {
    if (this.#userId === undefined) {
      throw new TypeError(
        "Cannot join a voice channel: the client was made without userId, so it cannot tell its own voice state.",
      )
    }
    await this.#answers.watch()
    const { joined, giveUp } = this.#wait(guildId, channelId, timeoutMs)
    const d = { guild_id: guildId, channel_id: channelId, self_mute: selfMute, self_deaf: selfDeaf }
    // Not waited for: a broker that takes nothing must not keep the deadline from being heard.
    this.#sender.send(guildId, { op: Opcode.VoiceStateUpdate, d }).catch(giveUp)
    return joined
  }

  async leave(guildId: string): Promise<void> {
    this.#joining.get(guildId)?.reject(new Error(`Cannot join a channel of guild ${guildId}: it was left again.`))
    const d = { guild_id: guildId, channel_id: null, self_mute: false, self_deaf: false }
    await this.#sender.send(guildId, { op: Opcode.VoiceStateUpdate, d })
  }

  async close(): Promise<void> {
    const reason = new Error("Cannot join a voice channel: the gateway client was closed.")
    for (const { reject } of [...this.#joining.values()]) reject(reason)
    await this.#answers.close()
  }

  #wait(guildId: string, channelId: string, timeoutMs: number) {
    this.#joining.get(guildId)?.reject(new Error(`Cannot join a channel of guild ${guildId}: another join followed.`))
    let giveUp: (error: unknown) => void = () => {}
    const joined = new Promise<VoiceConnection>((resolve, reject) => {
      const done = () => {
        cancel()
        if (this.#joining.get(guildId) === joining) this.#joining.delete(guildId)
      }
      const joining: Joining = {
        channelId,
        state: undefined,
        server: undefined,
        resolve: (connection) => {
          done()
          resolve(connection)
        },
        reject: (error) => {
          done()
          reject(error)
        },
      }
      const cancel = this.#clock.after(timeoutMs, () => joining.reject(timeoutError(joining, timeoutMs)))
      this.#joining.set(guildId, joining)
      giveUp = joining.reject
    })
    return { joined, giveUp }
  }

  #state(state: GatewayVoiceStateUpdateDispatchData): void {
    const joining = this.#joining.get(state.guild_id ?? "")
    if (joining === undefined || state.user_id !== this.#userId || state.channel_id !== joining.channelId) return
    joining.state = state
    finish(joining)
  }

  /** Without an endpoint the voice server has gone away, and another follows. */
  #server(server: GatewayVoiceServerUpdateDispatchData): void {
    const joining = this.#joining.get(server.guild_id)
    if (joining === undefined || server.endpoint === null) return
    joining.server = server
    finish(joining)
  }
}

function finish({ state, server, resolve }: Joining): void {
  if (state !== undefined && server !== undefined) resolve({ state, server })
}

function timeoutError({ channelId, state, server }: Joining, timeoutMs: number): Error {
  const missing = [...(state ? [] : ["VOICE_STATE_UPDATE"]), ...(server ? [] : ["VOICE_SERVER_UPDATE"])].join(" and ")
  const hint = `no ${missing} within ${timeoutMs} ms; the gateway's events must have both, and the bot may need permission`
  return new Error(`Cannot join voice channel ${channelId}: ${hint}.`)
}
