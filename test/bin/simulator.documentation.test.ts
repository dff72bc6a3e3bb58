// Runs every curl line of docs/simulator.md, in the order of the document, against a simulator with a bot on it.

import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { GatewayClient } from "../simulator/gateway-client.ts"

const ROOT = `${import.meta.dir}/../..`
const documentation = await Bun.file(`${ROOT}/docs/simulator.md`).text()
const lines = [...documentation.matchAll(/^ {4}(curl .*)$/gm)].map(([, line = ""]) => line)

let simulator: Simulator
let client: GatewayClient
let message: string

beforeAll(async () => {
  simulator = await startSimulator()
  client = new GatewayClient(simulator.gatewayUrl)
  await client.identify()
  const sent = await fetch(`${simulator.url}/api/v10/channels/${channel()}/messages`, {
    method: "POST",
    headers: { authorization: "Bot any", "content-type": "application/json" },
    body: '{"content":"a message"}',
  })
  message = ((await sent.json()) as { id: string }).id
})

afterAll(async () => {
  client.cut()
  await simulator.stop()
})

function channel(): string {
  return simulator.world.guild(simulator.world.guildIds[0] ?? "")?.textChannels[0]?.id ?? ""
}

test("there are curl lines in the documentation", () => {
  expect(lines.length).toBeGreaterThan(20)
})

test.each(lines)("%s", async (line) => {
  const command = line
    .replace("127.0.0.1:7040", simulator.host)
    .replace("CHANNEL", channel())
    .replace("/MESSAGE", `/${message}`)
    .replace("APPLICATION", simulator.world.bot.id)
  const child = Bun.spawn(["sh", "-c", `${command} --silent --show-error --fail-with-body`], {
    cwd: ROOT,
    stdout: "pipe",
    stderr: "pipe",
  })
  const [code, output, errors] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  expect({ code, output, errors }).toEqual({ code: 0, output: expect.any(String), errors: "" })
})
