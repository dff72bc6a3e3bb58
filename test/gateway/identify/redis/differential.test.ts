// The scripts in a real Redis against the model that the simulation runs on: the same random steps, the same answers.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { placeOf } from "../../../../src/brokers/redis/address.ts"
import { newClient } from "../../../../src/brokers/redis/clients.ts"
import { redisLine } from "../../../../src/gateway/identify/redis/redis-line.ts"
import { silentLogger } from "../../../../src/ops/log.ts"
import { TEST_CLOCK } from "../../../fixtures/identify-lines.ts"
import { type RedisServer, startRedisServer } from "../../../fixtures/redis-server.ts"
import { seeded } from "../../simulation/random.ts"
import { ModelLine } from "./model-line.ts"

const ROUNDS = 12
const STEPS = 250
const PROCESSES = ["a", "b", "c"] as const
const SHARDS = 12

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

test("the scripts and the model give the same answers to the same steps", async () => {
  const connect = () =>
    newClient({ place: placeOf({ urls: [server.url] }), log: silentLogger, random: Math.random }, "test", null)
  const client = connect()
  let grants = 0
  for (let seed = 0; seed < ROUNDS; seed += 1) {
    const random = seeded(seed)
    const listener = connect()
    const prefix = `round-${seed}`
    const state = `{${prefix}:identify}:state`
    let now = 1_700_000_000_000
    let run = "r0"
    const wakes: string[] = []
    const model = new ModelLine((process) => wakes.push(process))
    model.mayForget = random.chance(0.5)
    await client.set(`${state}:forgets`, model.mayForget ? "yes" : "no")
    const woken: string[] = []
    const lines = new Map(
      PROCESSES.map((process) => {
        const onWake = () => woken.push(process)
        return [
          process,
          redisLine({ commands: client, subscriber: listener, prefix, process, onWake, clock: TEST_CLOCK }),
        ]
      }),
    )
    const waiting = new Map(PROCESSES.map((process) => [process, new Set<string>()]))
    const granted: string[] = []
    for (let step = 0; step < STEPS; step += 1) {
      now += random.pick([0, 1, 40, 900, 2_000, 5_250, 7_300, random.int(120_000)])
      if (random.chance(0.02)) now -= random.int(20_000)
      if (random.chance(0.02)) run = `r${step}`
      await client.mset(`${state}:clock`, String(now), `${state}:run`, run)
      const process = random.pick(PROCESSES)
      const line = lines.get(process)
      const tickets = waiting.get(process)
      if (line === undefined || tickets === undefined) throw new Error("no such process")
      const shard = random.int(SHARDS)
      // Those of another set have places behind, and may come up beside the bot's own.
      const other = `${SHARDS + shard}:${process}:${step}:${shard}${random.pick(["", ":beside"])}`
      if (random.chance(0.5)) tickets.add(random.chance(0.7) ? `${shard}:${process}:${step}` : other)
      const gone = [...tickets].filter(() => random.chance(0.05))
      for (const ticket of gone) tickets.delete(ticket)
      if (random.chance(0.2)) gone.push(...granted.filter(() => random.chance(0.3)))
      const used = granted.filter(() => random.chance(0.4))
      const request = { used, gone, waiting: [...tickets], reserve: random.pick([0, 10]) }
      const expected = model.sync(now, run, process, request)
      const reply = await line.sync(request)
      expect({ seed, step, ...reply }).toEqual({ seed, step, ...expected })
      for (const ticket of reply.granted) tickets.delete(ticket)
      granted.push(...reply.granted)
      grants += reply.granted.length
      if (random.chance(0.3)) granted.length = 0
      if (reply.status === "read" && random.chance(0.8)) {
        const limit = {
          total: 1_000,
          remaining: random.pick([0, 5, 11, 1_000]),
          resetAfterMs: random.pick([0, 30_000, 3_600_000]),
          maxConcurrency: random.chance(0.05) ? 4 : 2,
        }
        const reader = random.chance(0.95) ? process : random.pick(PROCESSES)
        model.budget(now, reader, limit)
        await lines.get(reader)?.budget(limit)
      } else if (reply.status === "read") {
        model.postpone(now, process, 3_000)
        await line.postpone(3_000)
      }
    }
    while (woken.length < wakes.length) await client.ping()
    expect([...woken].sort()).toEqual([...wakes].sort())
    listener.disconnect()
  }
  expect(grants).toBeGreaterThan(ROUNDS * 10)
  client.disconnect()
}, 120_000)
