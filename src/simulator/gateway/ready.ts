// What a new session begins with: READY with every guild unavailable, then a GUILD_CREATE for each.
// Source: Discord's documentation, Gateway Events › Ready, Guild Create.

import { hasIntent } from "../../discord/intents.ts"
import { guildCreate } from "../corpus/guild.ts"
import { snowflake } from "../corpus/ids.ts"
import { seededRandom } from "../corpus/random.ts"
import type { World } from "../corpus/world.ts"
import type { Session } from "./session.ts"

/** Guilds sent before others get a turn. */
const GUILDS_A_TURN = 16
const CROWD_BORN_MS = 1_500_000_000_000

export function readyPayload(session: Session, world: World, resumeUrl: string): object {
  const { id, shard, shardCount } = session.plan
  return {
    v: 10,
    user_settings: {},
    user: { ...world.bot, bot: true, email: null, flags: 0, mfa_enabled: true, verified: true },
    session_type: "normal",
    session_id: id,
    resume_gateway_url: resumeUrl,
    relationships: [],
    private_channels: [],
    presences: [],
    guilds: world.guildIdsOf(shard, shardCount).map((guildId) => ({ id: guildId, unavailable: true })),
    guild_join_requests: [],
    geo_ordered_rtc_regions: ["frankfurt", "rotterdam", "milan", "madrid", "bucharest"],
    game_relationships: [],
    auth: {},
    application: { id: world.bot.id, flags: 565_248 },
    shard: [shard, shardCount],
    _trace: ['["gateway-simulator",{"micros":0.0}]'],
  }
}

/**
 * Dispatches the session's guilds, a few at a time, whatever becomes of its connection.
 * @returns a promise that resolves when all were dispatched, or `signal` aborted.
 */
export async function sendGuilds(session: Session, world: World, signal: AbortSignal): Promise<void> {
  const { shard, shardCount, largeThreshold, intents } = session.plan
  const options = { largeThreshold, presences: hasIntent(intents, "GUILD_PRESENCES") }
  let sent = 0
  for (const id of world.guildIdsOf(shard, shardCount)) {
    const guild = world.guild(id)
    if (guild !== undefined) session.dispatch({ t: "GUILD_CREATE", d: guildCreate(guild, options) })
    sent += 1
    if (sent % GUILDS_A_TURN === 0) await turn()
    if (signal.aborted) return
  }
}

/** A GUILD_CREATE of at least `bytes`: the shard's first guild with a crowd in it. Undefined when it has no guild. */
export function giantGuild(
  world: World,
  shard: { readonly shard: number; readonly shardCount: number },
  bytes: number,
) {
  const [id] = world.guildIdsOf(shard.shard, shard.shardCount)
  const guild = id === undefined ? undefined : world.guild(id)
  if (guild === undefined) return undefined
  const base = guildCreate(guild, { largeThreshold: 250, presences: true })
  const random = seededRandom(bytes, "giant")
  const crowd: object[] = []
  for (let length = JSON.stringify(base).length; length < bytes; ) {
    const [bot] = guild.members
    const member = { ...bot, user: { ...bot?.user, id: snowflake(CROWD_BORN_MS, random) } }
    crowd.push(member)
    length += JSON.stringify(member).length + 1
  }
  return { ...base, members: [...base.members, ...crowd], member_count: base.member_count + crowd.length }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
