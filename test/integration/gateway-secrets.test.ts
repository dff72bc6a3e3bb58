// What may never leave the process: the token, and passwords of brokers; whatever happens, at the most talkative level.

import { afterEach, describe, expect, test } from "bun:test"
import { readdir, readFile } from "node:fs/promises"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { freePort } from "../fixtures/free-port.ts"
import { startGatewayProcess, TOKEN } from "../fixtures/gateway-process.ts"
import { startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { startRedisServer } from "../fixtures/redis-server.ts"

const TIMEOUT_MS = 120_000
const PASSWORD = "pässwörd/+of the broker"

let discord: Simulator
const running: { stop(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
  await discord.stop()
}, TIMEOUT_MS)

/** A server that wants the password, how to reach it, and its sudden end. */
interface Setup {
  readonly settings: Readonly<Record<string, string>>
  kill(): Promise<void>
}

async function redis(): Promise<Setup> {
  const server = await startRedisServer({ password: PASSWORD })
  running.push(server)
  const url = `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`
  return { settings: { BROKER_TYPE: "redis", SHARD_STORE_TYPE: "redis", REDIS_URL: url }, kill: () => server.kill() }
}

async function amqp(): Promise<Setup> {
  const server = await startRabbitmqServer()
  running.push(server)
  await server.ctl("add_user", "bot", PASSWORD)
  await server.ctl("set_permissions", "bot", ".*", ".*", ".*")
  const url = `amqp://bot:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`
  return { settings: { BROKER_TYPE: "amqp", AMQP_URL: url }, kill: () => server.kill() }
}

/** What other users of the machine see of a process: its arguments, and its threads' names; "" once it has ended. */
async function seenByOthers(pid: number): Promise<string> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const files = ["cmdline", ...threads.map((thread) => `task/${thread}/comm`)]
  return (await Promise.all(files.map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")))).join("\n")
}

describe.skipIf(process.platform !== "linux").each([
  ["redis", redis],
  ["amqp", amqp],
] as const)("over %s", (_name, setUp) => {
  test(
    "#35 neither token nor password is in a log, a metric, an argument or a thread's name, also when the broker dies and Discord refuses",
    async () => {
      discord = await startSimulator({ token: TOKEN, rate: 20 })
      const { settings, kill } = await setUp()
      const metricsPort = await freePort()
      const gateway = await startGatewayProcess(discord, {
        ...{ LOG_LEVEL: "trace", PROMETHEUS_ADDRESS: `127.0.0.1:${metricsPort}`, SHUTDOWN_TIMEOUT: "1s" },
        ...settings,
      })
      running.push(gateway)
      const metrics = async () => await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
      await discord.record.waitFor("identify", ({ outcome }) => outcome === "ready")
      while (!(await metrics()).includes("\ngateway_broker_connected 1\n")) await Bun.sleep(20)
      await kill()
      while (!(await metrics()).includes("\ngateway_broker_connected 0\n")) await Bun.sleep(20)
      const said = [await metrics(), await seenByOthers(gateway.pid)]
      expect(said[1]).toContain("gateway")
      discord.inject({ type: "close", code: 4004 })
      said.push(await seenByOthers(gateway.pid))
      said.push(await (await fetch(`http://127.0.0.1:${metricsPort}/shards`).catch(() => new Response(""))).text())
      await gateway.exited
      said.push(await gateway.errors)
      const all = said.join("\n")
      expect(all).toContain("gateway_broker_connected")
      for (const secret of [TOKEN, PASSWORD, encodeURIComponent(PASSWORD), JSON.stringify(PASSWORD).slice(1, -1)]) {
        expect(all).not.toContain(secret)
      }
    },
    TIMEOUT_MS,
  )
})
