// The same command handler over Redis with `@spectacles/brokers` 0.9.3 under Node, and with ours under Node and Bun.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { buildClient } from "../../../scripts/build-client.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"
import { runScript } from "../run-script.ts"

const SCRIPT = `${import.meta.dir}/written-for-spectacles.mjs`
const TIMEOUT_MS = 60_000

let redis: RedisServer
let original: readonly string[]

beforeAll(async () => {
  await buildClient()
  redis = await startRedisServer()
  original = await runScript("node", SCRIPT, "@spectacles/brokers", redis.url)
}, TIMEOUT_MS)

afterAll(async () => {
  await redis.stop()
})

test("the original does everything that is compared", () => {
  expect(original.length).toBeGreaterThan(45)
})

test.each(["node", "bun"])(
  "a handler written for @spectacles/brokers sees the same with ours under %s",
  async (runtime) => {
    await redis.command("FLUSHALL")
    expect(await runScript(runtime, SCRIPT, "spectacles/brokers", redis.url)).toEqual([...original])
  },
  TIMEOUT_MS,
)

test.each(["@spectacles/brokers", "@discordjs/brokers"])(
  "it sees the same with the older ioredis of %s",
  async (owner) => {
    await redis.command("FLUSHALL")
    const client = `${import.meta.dir}/../../../node_modules/${owner}/node_modules/ioredis/built/index.js`
    expect(await runScript("node", SCRIPT, "spectacles/brokers", redis.url, client)).toEqual([...original])
  },
  TIMEOUT_MS,
)
