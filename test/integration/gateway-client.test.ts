// The gateway client through a real gateway, over each broker: what Discord gets, and what comes back.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { Redis as Client } from "ioredis"
import { Amqp, type Broker, Redis } from "../../src/client/brokers.ts"
import { type GatewayBroker, GatewayClient } from "../../src/client/gateway-client.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { type GatewayProcess, startGatewayProcess } from "../fixtures/gateway-process.ts"
import { startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { startRedisServer } from "../fixtures/redis-server.ts"

const TIMEOUT_MS = 120_000
const MEMBERS = 2_300
const PRESENCE = { since: null, activities: [], status: "idle", afk: false } as never

/** A server, and what connects to it as a command handler does. */
interface Setup {
  readonly server: { readonly url: string; stop(): Promise<void> }
  readonly broker: Broker & GatewayBroker
}

const setups: readonly [string, string, () => Promise<Setup>][] = [
  [
    "redis",
    "REDIS_URL",
    async () => {
      const server = await startRedisServer()
      return { server, broker: new Redis("handlers", new Client(server.url)) }
    },
  ],
  [
    "amqp",
    "AMQP_URL",
    async () => {
      const server = await startRabbitmqServer()
      const broker = new Amqp("gateway")
      await broker.connect(server.url)
      return { server, broker }
    },
  ],
]

describe.each(setups)("over %s", (type, variable, setUp) => {
  let discord: Simulator
  let setup: Setup
  let gateway: GatewayProcess
  let client: GatewayClient
  let guildId: string

  beforeEach(async () => {
    ;[discord, setup] = await Promise.all([startSimulator({ guilds: 2, membersPerGuild: MEMBERS }), setUp()])
    guildId = discord.world.guildIds[0] ?? ""
    gateway = await startGatewayProcess(discord, {
      DISCORD_EVENTS: "GUILD_MEMBERS_CHUNK,RATE_LIMITED,VOICE_STATE_UPDATE,VOICE_SERVER_UPDATE",
      DISCORD_RAW_INTENTS: "53608447",
      BROKER_TYPE: type,
      [variable]: setup.server.url,
    })
    const userId = discord.world.guild(guildId)?.members[0]?.user.id ?? ""
    client = new GatewayClient(setup.broker, { userId, shardCount: 1 })
    await discord.record.waitFor("identify", ({ outcome }) => outcome === "ready")
  }, TIMEOUT_MS)

  afterEach(async () => {
    await client.close()
    await setup.broker.close()
    if (setup.broker instanceof Redis) setup.broker.disconnect()
    await gateway.stop()
    await Promise.all([discord.stop(), setup.server.stop()])
  })

  test(
    "lists all members of a guild, for two that ask at once with one packet",
    async () => {
      const lists = [1, 2].map(() => client.requestGuildMembers({ guildId }).all())
      for (const { members } of await Promise.all(lists)) {
        expect(new Set(members.map(({ user }) => user.id)).size).toBe(MEMBERS)
      }
      expect(discord.record.of("packet").filter(({ op }) => op === 8).length).toBe(1)
    },
    TIMEOUT_MS,
  )

  test(
    "lists members by id, says who was not found, and gives presences",
    async () => {
      const known = discord.world.guild(guildId)?.members[3]?.user.id ?? ""
      const all = await client.requestGuildMembers({ guildId, userIds: [known, "1"], presences: true }).all()
      expect(all.members.map(({ user }) => user.id)).toEqual([known])
      expect(all.notFound).toEqual(["1"])
    },
    TIMEOUT_MS,
  )

  test(
    "joins a voice channel, and sets the presence",
    async () => {
      const channelId = discord.world.guild(guildId)?.voiceChannels[0]?.id ?? ""
      const { state, server } = await client.joinVoice({ guildId, channelId, selfDeaf: true })
      expect([state.channel_id, state.self_deaf, server.guild_id]).toEqual([channelId, true, guildId])
      expect(server.token).not.toBe("")
      await client.updatePresence(PRESENCE)
      const { d } = await discord.record.waitFor("packet", ({ op }) => op === 3)
      expect(d).toEqual(PRESENCE)
    },
    TIMEOUT_MS,
  )
})
