// The broker over real Redis servers: the contract that every broker meets, and what is Redis' own.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redis } from "ioredis"
import type { Broker, Delivery } from "../../../src/brokers/broker.ts"
import { type RedisBroker, type RedisBrokerOptions, redisBroker } from "../../../src/brokers/redis/broker.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { type BrokerHarness, brokerContract } from "../../contract/broker.ts"
import { batchOf } from "../../fixtures/batches.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { freePort } from "../../fixtures/free-port.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { type RedisServer, type RedisServerOptions, startRedisServer } from "../../fixtures/redis-server.ts"
import { streamIds } from "../../fixtures/redis-streams.ts"

function newBroker(url: string, options: Partial<RedisBrokerOptions> = {}): RedisBroker {
  return redisBroker({
    ...{ urls: [url], group: "gateway", body: "msgpack", trimming: { retentionMs: 60_000 }, poolSize: 2 },
    logger: silentLogger,
    ...options,
  })
}

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

async function harness(body: "msgpack" | "json"): Promise<BrokerHarness> {
  await server.command("FLUSHALL")
  const brokers: Broker[] = []
  const connect = (options: Partial<RedisBrokerOptions> = {}) => {
    const broker = newBroker(server.url, { body, ...options })
    brokers.push(broker)
    return broker
  }
  return {
    publisher: connect(),
    consumer: async () => connect({ group: "workers" }),
    stall: () => server.pause(),
    resume: () => server.resume(),
    stop: async () => {
      for (const broker of brokers) await broker.close({ drainWithinMs: 0 })
    },
  }
}

const traits = { calls: true, redelivers: true, deliversBrokenBodies: true }
brokerContract("redis (MessagePack)", traits, () => harness("msgpack"))
brokerContract("redis (JSON)", traits, () => harness("json"))

/** A server and brokers of one test. */
let own: RedisServer | undefined
const brokers: Broker[] = []

afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close({ drainWithinMs: 0 })
  await own?.stop()
  own = undefined
})

async function start(options: RedisServerOptions = {}): Promise<RedisServer> {
  own = await startRedisServer(options)
  return own
}

function open(redis: RedisServer, options: Partial<RedisBrokerOptions> = {}, url = redis.url): RedisBroker {
  const broker = newBroker(url, options)
  brokers.push(broker)
  return broker
}

/** Batches of ten events, one after another, until stopped; resolves to how many events were confirmed. */
function publishOn(broker: Broker, bodyBytes = 100): { readonly sent: () => number; stop(): Promise<number> } {
  let sent = 0
  let isOver = false
  const text = "x".repeat(bodyBytes)
  const running = (async () => {
    const unconfirmed = new Set<Promise<void>>()
    while (!isOver) {
      const events = Array.from({ length: 10 }, () => ({ event: "MESSAGE_CREATE", data: { text } }))
      const published = broker.publish(batchOf(broker.encoding, events, { firstSequence: sent + 1 }))
      sent += events.length
      unconfirmed.add(published)
      published.then(() => unconfirmed.delete(published))
      while (unconfirmed.size > 50 && !isOver) await Bun.sleep(1)
      await Bun.sleep(0)
    }
    await Promise.all(unconfirmed)
    return sent
  })()
  return {
    sent: () => sent,
    stop() {
      isOver = true
      return running
    },
  }
}

/** Every event, in order; each once, as long as no connection was lost. */
async function expectAllInOrder(redis: RedisServer, sent: number): Promise<void> {
  const ids = (await streamIds(redis.url, ["MESSAGE_CREATE"])).get("MESSAGE_CREATE") ?? []
  expect(ids).toEqual(Array.from({ length: sent }, (_, index) => `session:${index + 1}`))
}

/** How often Redis has refused to join a group or to read for one. */
function rejections(commandStats: string): number {
  const counts = commandStats.matchAll(
    /cmdstat_xgroup\|create:.*rejected_calls=(\d+)|cmdstat_xreadgroup:.*rejected_calls=(\d+)/g,
  )
  return [...counts].reduce((sum, [, groups = "0", reads = "0"]) => sum + Number(groups) + Number(reads), 0)
}

describe("redis under trouble that passes", () => {
  test.each([
    ["OOM", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]],
    ["NOREPLICAS", ["CONFIG", "SET", "min-replicas-to-write", "1"], ["CONFIG", "SET", "min-replicas-to-write", "0"]],
    ["READONLY", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]],
  ])("#29 %s: events wait and arrive in order, however often it comes and goes", async (code, begin, end) => {
    const redis = await start()
    const logger = new RecordingLogger()
    const states: string[] = []
    const broker = open(redis, { logger, trimming: {}, onState: (state) => states.push(state) })
    const publishing = publishOn(broker)
    for (let round = 1; round <= 5; round += 1) {
      while (publishing.sent() < round * 300) await Bun.sleep(1)
      await redis.command(...begin)
      while (logger.lines.filter(({ fields }) => String(fields["reason"]).includes(code)).length < round)
        await Bun.sleep(1)
      await redis.command(...end)
      while (logger.messages("info").length < round) await Bun.sleep(1)
    }
    await expectAllInOrder(redis, await publishing.stop())
    expect(states).toContain(code === "READONLY" ? "down" : "blocked")
  })

  test("tells once that it delivers nothing, however often it is tried, and once that it does again", async () => {
    const redis = await start()
    const logger = new RecordingLogger()
    const reading = open(redis, { logger }).consume(["SEND"], new AbortController().signal)
    const delivered = reading[Symbol.asyncIterator]().next()
    await redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
    // XREADGROUP is a write to Redis; a read that waits is woken by the end of its connection.
    await redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    const refused = () => redis.command("INFO", "commandstats").then((stats) => rejections(String(stats)))
    while ((await refused()) < 3) await Bun.sleep(10)
    await redis.command("CONFIG", "SET", "min-replicas-to-write", "0")
    await redis.command("XADD", "SEND", "*", "data", "{}")
    await delivered
    const told = logger.messages().filter((message) => message.includes("delivers"))
    expect(told).toEqual(["Redis delivers no packets: trying again until it does", "Redis delivers packets again"])
  })

  test("#29 LOADING: events wait until Redis has read its data", async () => {
    const redis = await start({ appendOnly: true, settings: ["--key-load-delay", "2000", "--appendfsync", "no"] })
    const broker = open(redis)
    await Promise.all(Array.from({ length: 300 }, (_, key) => broker.values.set(new Map([[`key ${key}`, "value"]]))))
    await redis.down()
    await redis.up({ ready: false })
    const published = broker.publish(batchOf(broker.encoding, [{ event: "MESSAGE_CREATE", data: {} }]))
    await published
    await expectAllInOrder(redis, 1)
  })

  test("#29 more clients than Redis allows: the broker waits for a place", async () => {
    const redis = await start({ settings: ["--maxclients", "1"] })
    const first = open(redis)
    await first.publish(batchOf(first.encoding, [{ event: "MESSAGE_CREATE", data: {} }]))
    const second = open(redis)
    const published = second.publish(batchOf(second.encoding, [{ event: "MESSAGE_CREATE", data: {} }]))
    await Bun.sleep(50)
    await first.close({ drainWithinMs: 0 })
    await published
  })

  test("consumers go on after Redis came back without its data", async () => {
    const redis = await start()
    const publisher = open(redis)
    const deliveries = open(redis, { group: "workers" }).consume(["MESSAGE_CREATE"], new AbortController().signal)
    const iterator = deliveries[Symbol.asyncIterator]()
    await publisher.announce("MESSAGE_CREATE", { number: 1 })
    await (await next(iterator)).ack()
    const waiting = next(iterator)
    await redis.down()
    await redis.up()
    await publisher.announce("MESSAGE_CREATE", { number: 2 })
    expect((await waiting).data()).toEqual({ number: 2 })
  })
})

describe("redis under trouble that only an operator can mend", () => {
  test("#36 a key that holds something else ends the broker with a sentence that names it", async () => {
    const redis = await start()
    await redis.command("SET", "MESSAGE_CREATE", "a string")
    const broker = open(redis)
    const events = ["TYPING_START", "MESSAGE_CREATE", "TYPING_START"].map((event) => ({ event, data: {} }))
    await expect(broker.publish(batchOf(broker.encoding, events))).rejects.toThrow("the key MESSAGE_CREATE")
    expect(await broker.ended).toMatchObject({
      type: "failed",
      error: {
        message: expect.stringMatching(
          /^Cannot write to the key MESSAGE_CREATE on Redis at .*WRONGTYPE.*rename or delete it\.$/,
        ),
      },
    })
  })

  test("#36 a user who may not publish ends the broker with a sentence", async () => {
    const redis = await start()
    await redis.command("ACL", "SETUSER", "bot", "on", ">pw", "~OTHER", "+@all")
    const broker = open(redis, {}, `redis://bot:pw@127.0.0.1:${redis.port}`)
    await expect(broker.announce("GATEWAY_GAP", {})).rejects.toThrow(/GATEWAY_GAP.*NOPERM/)
  })

  test("#36 a server that nobody started ends the broker with a sentence, once it has waited", async () => {
    const clock = new FakeClock()
    const broker = newBroker(`redis://127.0.0.1:${await freePort()}`, { clock })
    clock.advance(15_000)
    expect(await broker.ended).toMatchObject({
      error: {
        message: expect.stringMatching(/^Cannot reach Redis at redis:\/\/127\.0\.0\.1:\d+ within 15 s .*redis\.url\.$/),
      },
    })
  })
})

describe("redis by URL", () => {
  const roundTrip = async (redis: RedisServer, url: string, options: Partial<RedisBrokerOptions> = {}) => {
    const broker = open(redis, options, url)
    await broker.announce("GATEWAY_GAP", { number: 1 })
    const iterator = broker.consume(["GATEWAY_GAP"], new AbortController().signal)[Symbol.asyncIterator]()
    const delivery = await next(iterator)
    await delivery.ack()
    return delivery.data()
  }

  test("with a password, a user, and a database", async () => {
    const redis = await start({ password: "s3cret/+" })
    const at = `127.0.0.1:${redis.port}`
    const login = new Bun.RedisClient(`redis://:${encodeURIComponent("s3cret/+")}@${at}`)
    await login.send("ACL", ["SETUSER", "bot", "on", ">p:w", "~*", "&*", "+@all"])
    expect(await roundTrip(redis, `redis://:${encodeURIComponent("s3cret/+")}@${at}/3`)).toEqual({ number: 1 })
    expect(await roundTrip(redis, `redis://bot:p%3Aw@${at}/5`)).toEqual({ number: 1 })
    expect(await login.send("INFO", ["keyspace"])).toMatch(/db3:keys=1[\s\S]*db5:keys=1/)
    login.close()
  })

  test("over TLS, and not where the certificate is not trusted", async () => {
    const folder = await mkdtemp(join(tmpdir(), "spectacles-tls-"))
    const [certificate, key] = [join(folder, "cert.pem"), join(folder, "key.pem")]
    const made = Bun.spawnSync(
      ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"].concat([
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        key,
        "-out",
        certificate,
      ]),
    )
    expect(made.exitCode).toBe(0)
    const redis = await start({ tls: { certificate, key } })
    const code = `
      const { redisBroker } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/brokers/redis/broker.ts"))})
      const logger = { debug() {}, info() {}, error() {}, child: () => logger, warn: (fields) => { console.log(fields.reason); process.exit(1) } }
      const broker = redisBroker({ urls: ["${redis.url}"], group: "g", body: "json", trimming: {}, poolSize: 1, logger })
      await broker.announce("GATEWAY_GAP", {})
      console.log(await broker.values.get("nothing"))
      process.exit(0)`
    const run = (env: Record<string, string>) => {
      const child = Bun.spawnSync([process.execPath, "-e", code], { env: { ...process.env, ...env } })
      return `${child.stdout}`.trim()
    }
    expect(run({ NODE_EXTRA_CA_CERTS: certificate })).toBe("null")
    expect(run({})).toContain("certificate")
    await rm(folder, { recursive: true })
  })
})

describe("redis consumers", () => {
  test("#31 a message that is never acknowledged is refused for good after its last delivery, once", async () => {
    const redis = await start()
    const refused: string[] = []
    const logger = new RecordingLogger()
    const options = { group: "workers", claimAfterMs: 60_000, maxDeliveries: 3, logger }
    const broker = open(redis, { ...options, onPoison: (event) => refused.push(event) })
    await broker.announce("SEND", { number: 1 })
    const iterator = broker.consume(["SEND"], new AbortController().signal)[Symbol.asyncIterator]()
    for (let delivery = 0; delivery < 3; delivery += 1) await (await next(iterator)).nack()
    while (refused.length === 0) await Bun.sleep(1)
    await broker.announce("SEND", { number: 2 })
    expect((await next(iterator)).data()).toEqual({ number: 2 })
    expect(refused).toEqual(["SEND"])
    expect(logger.messages("error")).toEqual([
      "A message was delivered 3 times and never acknowledged: it is refused for good",
    ])
    expect(await redis.command("XPENDING", "SEND", "workers")).toStartWith("1")
  })

  test("take over what a dead member had, after its time", async () => {
    const redis = await start()
    const publisher = open(redis)
    await publisher.announce("SEND", { number: 1 })
    await redis.command("XGROUP", "CREATE", "SEND", "workers", "0")
    await redis.command("XREADGROUP", "GROUP", "workers", "dead", "STREAMS", "SEND", ">")
    await Bun.sleep(20)
    const broker = open(redis, { group: "workers", claimAfterMs: 10 })
    const iterator = broker.consume(["SEND"], new AbortController().signal)[Symbol.asyncIterator]()
    expect((await next(iterator)).data()).toEqual({ number: 1 })
  })

  test("dismiss no member that was here of late", async () => {
    const redis = await start()
    await redis.command("XGROUP", "CREATE", "SEND", "workers", "0", "MKSTREAM")
    await redis.command("XGROUP", "CREATECONSUMER", "SEND", "workers", "here")
    const broker = open(redis, { group: "workers", name: "us" })
    const iterator = broker.consume(["SEND"], new AbortController().signal)[Symbol.asyncIterator]()
    await broker.announce("SEND", {})
    await next(iterator)
    const members = await redis.command("XINFO", "CONSUMERS", "SEND", "workers")
    for (const name of ["here", "us"]) expect(members).toContain(name)
  })

  test("hold no more than a bound without an acknowledgement", async () => {
    const redis = await start()
    const broker = open(redis, { poolSize: 1 })
    const events = Array.from({ length: 1_500 }, (_, number) => ({ event: "SEND", data: { number } }))
    await broker.publish(batchOf(broker.encoding, events))
    const iterator = broker.consume(["SEND"], new AbortController().signal)[Symbol.asyncIterator]()
    const held: Delivery[] = []
    for (let taken = 0; taken < 1_000; taken += 1) held.push(await next(iterator))
    const waiting = next(iterator)
    expect(await Promise.race([waiting, Bun.sleep(50).then(() => "nothing")])).toBe("nothing")
    for (const delivery of held) await delivery.ack()
    expect((await waiting).data()).toEqual({ number: 1_000 })
  })

  test("trim what is past its time in the streams that they read", async () => {
    const redis = await start({ settings: ["--stream-node-max-entries", "1"] })
    await redis.command("XADD", "SEND", "1000-0", "data", "old")
    const broker = open(redis)
    const iterator = broker.consume(["SEND"], new AbortController().signal)[Symbol.asyncIterator]()
    void iterator.next()
    while ((await redis.command("XLEN", "SEND")) !== "0") await Bun.sleep(1)
  })
})

test("the key of an event is a field beside its id, and the others have none", async () => {
  const redis = await start()
  const broker = open(redis)
  const events = ["a", "b"].map((content) => ({ event: "MESSAGE_CREATE", data: { content } }))
  await broker.publish({ ...batchOf(broker.encoding, events), keys: ["MESSAGE_CREATE:ü", null] })
  const client = new Redis(redis.url)
  const entries = await client.xrange("MESSAGE_CREATE", "-", "+")
  client.disconnect()
  const fields = entries.map(([, words]) => words.filter((_, index) => index % 2 === 0))
  expect(fields).toEqual([
    ["data", "id", "key"],
    ["data", "id"],
  ])
  expect(entries[0]?.[1].slice(2)).toEqual(["id", "session:1", "key", "MESSAGE_CREATE:ü"])
})

describe("a discord.js broker's form", () => {
  test("wraps our own events, and leaves packets for shards as they are", async () => {
    const redis = await start()
    const broker = open(redis, { body: "discordjs" })
    await broker.announce("GATEWAY_GAP", { shard: 2 })
    await broker.announce("2", { op: 3, d: null })
    const iterator = broker.consume(["GATEWAY_GAP", "2"], new AbortController().signal)[Symbol.asyncIterator]()
    const bodies = new Map<string, unknown>()
    for (let index = 0; index < 2; index += 1) {
      const delivery = await next(iterator)
      bodies.set(delivery.event, delivery.data())
    }
    expect(bodies.get("GATEWAY_GAP")).toEqual({
      payload: { op: 0, t: "GATEWAY_GAP", s: null, d: { shard: 2 } },
      shardId: 2,
    })
    expect(bodies.get("2")).toEqual({ op: 3, d: null })
  })
})

async function next(iterator: AsyncIterator<Delivery>): Promise<Delivery> {
  const { done, value } = await iterator.next()
  if (done === true) throw new Error("The consumer has ended.")
  return value
}
