// The gateway's command with brokers that speak TLS, by a certificate of an authority that the configuration names.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { connect } from "amqplib"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { type Certificates, makeCertificates } from "../fixtures/certificates.ts"
import { freePort } from "../fixtures/free-port.ts"
import { type GatewayProcess, startGatewayProcess, TOKEN } from "../fixtures/gateway-process.ts"
import { type RabbitmqServer, startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { MASTER, startRedisSentinels } from "../fixtures/redis-sentinel.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"

const TIMEOUT_MS = 120_000
const PASSWORD = "s3cret/+"

let trusted: Certificates
let elsewhere: Certificates
let discord: Simulator
const running: { stop(): Promise<unknown> }[] = []

beforeAll(async () => {
  ;[trusted, elsewhere] = await Promise.all([makeCertificates(), makeCertificates("DNS:elsewhere.example")])
  discord = await startSimulator({ token: TOKEN })
}, TIMEOUT_MS)
afterAll(() => Promise.all([trusted.stop(), elsewhere.stop(), discord.stop()]))
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
}, TIMEOUT_MS)

async function start(settings: Readonly<Record<string, string>>): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess(discord, settings)
  running.push(gateway)
  return gateway
}

/** Publishes until `arrived` says that something came. */
async function publishUntil(arrived: () => Promise<boolean>): Promise<void> {
  await discord.record.waitFor("identify", ({ outcome }) => outcome === "ready")
  while (!(await arrived())) {
    discord.dispatch(0, "MESSAGE_CREATE", { id: "1", guild_id: "81384788765712384", content: "over TLS" })
    await Bun.sleep(20)
  }
}

/** The one sentence with which a gateway ends. */
async function complaint(settings: Readonly<Record<string, string>>): Promise<string> {
  const gateway = await start(settings)
  expect(await gateway.exited).toBe(1)
  const errors = await gateway.errors
  expect(errors).not.toMatch(/\n\s+at /)
  return errors
}

describe("redis", () => {
  const overTls = async (tls: Certificates): Promise<RedisServer> => {
    const server = await startRedisServer({ tls, password: PASSWORD })
    running.push(server)
    return server
  }
  const settings = ({ port }: RedisServer, { authority }: Certificates) => ({
    BROKER_TYPE: "redis",
    SHARD_STORE_TYPE: "redis",
    REDIS_URL: `rediss://default:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/2`,
    REDIS_CA_FILE: authority,
  })

  test(
    "events, packets and sessions go over TLS, with user, password and database by URL",
    async () => {
      const server = await overTls(trusted)
      await start(settings(server, trusted))
      await publishUntil(async () => (await server.command("-n", "2", "XLEN", "MESSAGE_CREATE")) !== "0")
      while ((await server.command("-n", "2", "GET", "gateway:0")) === "") await Bun.sleep(20)
      await server.command(
        "-n",
        "2",
        "XADD",
        "0",
        "*",
        "data",
        '{"op":3,"d":{"since":null,"activities":[],"status":"idle","afk":false}}',
      )
      await discord.record.waitFor("packet", ({ op }) => op === 3)
    },
    TIMEOUT_MS,
  )

  test(
    "sentinels and the masters that they name speak TLS too, before and after a failover",
    async () => {
      const master = await overTls(trusted)
      const replica = await startRedisServer({ tls: trusted, password: PASSWORD, replicaOf: master })
      while (!(await master.command("INFO", "replication")).includes("state=online")) await Bun.sleep(10)
      const sentinels = await startRedisSentinels(master, { password: PASSWORD, tls: trusted })
      running.push(replica, sentinels)
      await start({
        ...settings(master, trusted),
        REDIS_URL: `rediss+sentinel://:${encodeURIComponent(PASSWORD)}@${sentinels.hosts}/${MASTER}`,
      })
      await publishUntil(async () => (await replica.command("XLEN", "MESSAGE_CREATE")) !== "0")
      await master.kill()
      while ((await sentinels.masterPort()) !== replica.port) await Bun.sleep(20)
      const before = await replica.command("XLEN", "MESSAGE_CREATE")
      await publishUntil(async () => (await replica.command("XLEN", "MESSAGE_CREATE")) !== before)
    },
    TIMEOUT_MS,
  )

  test(
    "#36 a certificate for another host, or of another authority, is refused in a sentence",
    async () => {
      const server = await overTls(elsewhere)
      expect(await complaint(settings(server, elsewhere))).toMatch(
        /Cannot connect to Redis at rediss:.*its certificate is not accepted.*altnames.*redis\.ca_file/,
      )
      expect(await complaint(settings(server, trusted))).toMatch(
        /Cannot connect to Redis at rediss:.*its certificate is not accepted.*redis\.ca_file/,
      )
    },
    TIMEOUT_MS,
  )
})

describe("amqp", () => {
  let server: RabbitmqServer
  beforeAll(async () => {
    server = await startRabbitmqServer({ tls: trusted })
  }, TIMEOUT_MS)
  afterAll(() => server.stop())

  test(
    "events go over TLS to the one of several hosts that is there",
    async () => {
      const dead = await freePort()
      await start({
        BROKER_TYPE: "amqp",
        AMQP_URL: `amqps://guest:guest@127.0.0.1:${dead},${server.url}`,
        AMQP_CA_FILE: trusted.authority,
      })
      const connection = await connect(server.url, { ca: await Bun.file(trusted.authority).text() })
      const channel = await connection.createChannel()
      const { queue } = await channel.assertQueue("gateway:MESSAGE_CREATE", { durable: true })
      await publishUntil(async () => (await channel.checkQueue(queue)).messageCount > 0)
      await connection.close()
    },
    TIMEOUT_MS,
  )

  test(
    "#36 a certificate of an authority that is not trusted is refused in a sentence that names the setting",
    async () => {
      expect(await complaint({ BROKER_TYPE: "amqp", AMQP_URL: server.url })).toMatch(
        /Cannot connect to RabbitMQ at amqps:.*its certificate is not accepted.*amqp\.ca_file \(AMQP_CA_FILE\)/,
      )
    },
    TIMEOUT_MS,
  )
})
