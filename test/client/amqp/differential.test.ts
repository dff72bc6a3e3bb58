// The same command handler over AMQP with `@spectacles/brokers` 0.9.3 under Node, and with ours under Node and Bun.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { buildClient } from "../../../scripts/build-client.ts"
import { type RabbitmqServer, startRabbitmqServer } from "../../fixtures/rabbitmq-server.ts"
import { runScript } from "../run-script.ts"

const SCRIPT = `${import.meta.dir}/written-for-spectacles.mjs`
const TIMEOUT_MS = 60_000

let rabbitmq: RabbitmqServer
let original: readonly string[]

beforeAll(async () => {
  await buildClient()
  rabbitmq = await startRabbitmqServer()
  original = await runScript("node", SCRIPT, "@spectacles/brokers", rabbitmq.url)
}, TIMEOUT_MS)

afterAll(async () => {
  await rabbitmq.stop()
})

test("the original does everything that is compared", () => {
  expect(original.length).toBeGreaterThan(50)
})

test.each(["node", "bun"])(
  "a handler written for @spectacles/brokers sees the same with ours under %s",
  async (runtime) => {
    await rabbitmq.ctl("add_vhost", runtime)
    await rabbitmq.ctl("set_permissions", "--vhost", runtime, "guest", ".*", ".*", ".*")
    expect(await runScript(runtime, SCRIPT, "spectacles/brokers", `${rabbitmq.url}/${runtime}`)).toEqual([...original])
  },
  TIMEOUT_MS,
)
