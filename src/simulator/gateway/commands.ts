// What a client may ask for once it is identified: members (op 8), voice (op 4), soundboard sounds (op 31) and channel
// info (op 43). A presence (op 3) is only looked at.
// Source: Discord's documentation, Gateway Events › Send Events.

import { z } from "zod"
import { hasIntent } from "../../discord/intents.ts"
import { Opcode } from "../../discord/opcodes.ts"
import { shardOf } from "../../discord/snowflake.ts"
import type { Clock } from "../../flow/clock.ts"
import type { Guild } from "../corpus/guild.ts"
import type { Random } from "../corpus/random.ts"
import { makeVoiceState } from "../corpus/voice.ts"
import type { World } from "../corpus/world.ts"
import type { AnyDispatch } from "./intent-filter.ts"
import type { SessionPlan } from "./session.ts"

const CHUNK_MEMBERS = 1_000
const MAX_ASKED = 100
const MAX_NONCE_BYTES = 32
const ALL_MEMBERS_WINDOW_MS = 30_000

const snowflake = z.union([z.string().regex(/^\d{1,20}$/), z.number().int().min(0).transform(String)])
const schemas = {
  presence: z.object({
    since: z.number().nullable(),
    activities: z.array(z.object({ name: z.string(), type: z.number() })),
    status: z.enum(["online", "dnd", "idle", "invisible", "offline"]),
    afk: z.boolean(),
  }),
  voice: z.object({
    guild_id: snowflake,
    channel_id: snowflake.nullable(),
    self_mute: z.boolean(),
    self_deaf: z.boolean(),
  }),
  members: z.object({
    guild_id: z.union([snowflake, z.tuple([snowflake]).transform(([id]) => id)]),
    query: z.string().optional(),
    limit: z.number().int().min(0).default(0),
    presences: z.boolean().default(false),
    user_ids: z.union([snowflake.transform((id) => [id]), z.array(snowflake).max(MAX_ASKED)]).optional(),
    nonce: z.string().optional(),
  }),
  sounds: z.object({ guild_ids: z.array(snowflake) }),
  channels: z.object({ guild_id: snowflake, fields: z.array(z.string()) }),
}

/** `answers`: dispatches in order. `undecodable`: close 4002. `unknown`: close 4001. */
export type Answer =
  | { readonly type: "answers"; readonly dispatches: readonly AnyDispatch[] }
  | { readonly type: "undecodable" }
  | { readonly type: "unknown" }

export class Commands {
  readonly #world: World
  readonly #clock: Clock
  readonly #random: Random
  /** When all members of a guild were last asked for; one entry a guild of the world. */
  readonly #askedAllMs = new Map<string, number>()

  constructor(world: World, clock: Clock, random: Random) {
    this.#world = world
    this.#clock = clock
    this.#random = random
  }

  answer(op: number, d: unknown, session: SessionPlan): Answer {
    switch (op) {
      case Opcode.PresenceUpdate:
        return from(schemas.presence.safeParse(d), () => [])
      case Opcode.VoiceStateUpdate:
        return from(schemas.voice.safeParse(d), (voice) => this.#voice(voice, session))
      case Opcode.RequestGuildMembers:
        return from(schemas.members.safeParse(d), (request) => this.#members(request, session))
      case Opcode.RequestSoundboardSounds:
        return from(schemas.sounds.safeParse(d), ({ guild_ids }) =>
          guild_ids
            .filter((id) => this.#guild(id, session) !== undefined)
            .map((guild_id) => ({ t: "SOUNDBOARD_SOUNDS", d: { soundboard_sounds: [], guild_id } })),
        )
      case Opcode.RequestChannelInfo:
        return from(schemas.channels.safeParse(d), (request) => this.#channels(request, session))
      default:
        return { type: "unknown" }
    }
  }

  #voice(voice: z.output<typeof schemas.voice>, session: SessionPlan): AnyDispatch[] {
    const guild = this.#guild(voice.guild_id, session)
    const bot = guild?.members[0]
    if (guild === undefined || bot === undefined) return []
    const state = {
      ...makeVoiceState(this.#random, bot, voice.channel_id),
      self_mute: voice.self_mute,
      self_deaf: voice.self_deaf,
      guild_id: guild.id,
    }
    const server = { token: this.#random.token(16), guild_id: guild.id, endpoint: "voice.simulator.invalid:443" }
    const dispatches: AnyDispatch[] = [{ t: "VOICE_STATE_UPDATE", d: state }]
    if (voice.channel_id !== null) dispatches.push({ t: "VOICE_SERVER_UPDATE", d: server })
    return dispatches
  }

  /** Without the members intent a bot may not list all members; Discord then says nothing. */
  #members(request: z.output<typeof schemas.members>, session: SessionPlan): AnyDispatch[] {
    const guild = this.#guild(request.guild_id, session)
    if (guild === undefined) return []
    const nonce =
      request.nonce !== undefined && Buffer.byteLength(request.nonce) <= MAX_NONCE_BYTES ? { nonce: request.nonce } : {}
    const asksAll = request.user_ids === undefined && request.query === "" && request.limit === 0
    if (asksAll) {
      if (!hasIntent(session.intents, "GUILD_MEMBERS")) return []
      const waitMs = this.#takeAllMembers(guild.id)
      if (waitMs > 0) {
        const meta = { guild_id: guild.id, ...nonce }
        return [{ t: "RATE_LIMITED", d: { opcode: Opcode.RequestGuildMembers, retry_after: waitMs / 1000, meta } }]
      }
    }
    const presences = request.presences && hasIntent(session.intents, "GUILD_PRESENCES")
    return chunks(guild, selectMembers(guild, request, asksAll), { presences, ids: request.user_ids, nonce })
  }

  /** Milliseconds until all members of the guild may be asked for again; 0: now, and counted. */
  #takeAllMembers(guildId: string): number {
    const nowMs = this.#clock.nowMs()
    const waitMs = (this.#askedAllMs.get(guildId) ?? Number.NEGATIVE_INFINITY) + ALL_MEMBERS_WINDOW_MS - nowMs
    if (waitMs > 0) return waitMs
    this.#askedAllMs.set(guildId, nowMs)
    return 0
  }

  #channels(request: z.output<typeof schemas.channels>, session: SessionPlan): AnyDispatch[] {
    const guild = this.#guild(request.guild_id, session)
    if (guild === undefined) return []
    const info = {
      ...(request.fields.includes("status") ? { status: null } : {}),
      ...(request.fields.includes("voice_start_time") ? { voice_start_time: null } : {}),
    }
    const channels = guild.voiceChannels.map(({ id }) => ({ id, ...info }))
    return [{ t: "CHANNEL_INFO", d: { guild_id: guild.id, channels } }]
  }

  /** The guild, if it is the session's. */
  #guild(id: string, { shard, shardCount }: SessionPlan): Guild | undefined {
    return shardOf(id, shardCount) === shard ? this.#world.guild(id) : undefined
  }
}

function selectMembers(guild: Guild, request: z.output<typeof schemas.members>, all: boolean) {
  if (all) return guild.members
  const ids = request.user_ids
  if (ids !== undefined) return guild.members.filter((member) => ids.includes(member.user.id))
  const prefix = (request.query ?? "").toLowerCase()
  const found = guild.members.filter(
    ({ nick, user }) => user.username.startsWith(prefix) || nick?.toLowerCase().startsWith(prefix),
  )
  return found.slice(0, Math.min(request.limit === 0 ? MAX_ASKED : request.limit, MAX_ASKED))
}

interface ChunkOptions {
  readonly presences: boolean
  readonly ids: readonly string[] | undefined
  readonly nonce: { readonly nonce?: string }
}

function chunks(guild: Guild, members: Guild["members"], { presences, ids, nonce }: ChunkOptions): AnyDispatch[] {
  const count = Math.max(1, Math.ceil(members.length / CHUNK_MEMBERS))
  const missing = ids?.filter((id) => !members.some((member) => member.user.id === id)) ?? []
  return Array.from({ length: count }, (_, index) => {
    const part = members.slice(index * CHUNK_MEMBERS, (index + 1) * CHUNK_MEMBERS)
    const shown = new Set(part.map((member) => member.user.id))
    const d = {
      guild_id: guild.id,
      members: part,
      chunk_index: index,
      chunk_count: count,
      ...(missing.length > 0 ? { not_found: missing } : {}),
      ...(presences ? { presences: guild.presences.filter(({ user }) => shown.has(user.id)) } : {}),
      ...nonce,
    }
    return { t: "GUILD_MEMBERS_CHUNK", d }
  })
}

function from<T>(
  parsed: { readonly success: true; readonly data: T } | { readonly success: false },
  dispatches: (data: T) => readonly AnyDispatch[],
): Answer {
  return parsed.success ? { type: "answers", dispatches: dispatches(parsed.data) } : { type: "undecodable" }
}
