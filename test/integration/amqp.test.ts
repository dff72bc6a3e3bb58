// The AMQP walk-through of the original's documentation, without Docker: a RabbitMQ, the gateway's command, and a look into
// the queue before anybody consumes.

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test"
import { connect, type GetMessage } from "amqplib"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { freePort } from "../fixtures/free-port.ts"
import { type GatewayProcess, startGatewayProcess, TOKEN } from "../fixtures/gateway-process.ts"
import { type RabbitmqServer, startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"

const TIMEOUT_MS = 120_000
const GUILD = "81384788765712384"

let server: RabbitmqServer
let discord: Simulator
let gateway: GatewayProcess

beforeAll(async () => {
  server = await startRabbitmqServer()
}, TIMEOUT_MS)
afterAll(() => server.stop())

afterEach(async () => {
  await gateway.stop()
  await discord.stop()
})

async function start(settings: Readonly<Record<string, string>>): Promise<void> {
  discord = await startSimulator({ token: TOKEN })
  gateway = await startGatewayProcess(discord, {
    DISCORD_EVENTS: "MESSAGE_CREATE",
    BROKER_TYPE: "amqp",
    AMQP_URL: server.url,
    ...settings,
  })
}

/** The dashboard's "Get messages" with "Ack message requeue false", as soon as there is one. */
async function getMessage(queue: string): Promise<GetMessage> {
  const connection = await connect(server.url)
  const channel = await connection.createChannel()
  let message: GetMessage | false = false
  while (message === false) {
    message = await channel.get(queue, { noAck: true })
    if (message === false) await Bun.sleep(10)
  }
  await connection.close()
  return message
}

test(
  "the queue gateway:MESSAGE_CREATE exists and holds JSON before any consumer",
  async () => {
    const metricsPort = await freePort()
    await start({ PROMETHEUS_ADDRESS: `127.0.0.1:${metricsPort}` })
    await discord.record.waitFor("identify", ({ outcome }) => outcome === "ready")
    const message = { id: "1", guild_id: GUILD, content: "Grüße, “👍”", tts: false }
    discord.dispatch(0, "MESSAGE_CREATE", message)
    await untilListening(metricsPort)
    const { content, properties, fields } = await getMessage("gateway:MESSAGE_CREATE")
    expect(JSON.parse(content.toString())).toEqual(message)
    expect(fields.exchange).toBe("gateway")
    expect(properties).toMatchObject({ contentType: "application/json", deliveryMode: 2, expiration: "120000" })
    const [session] = discord.sessions()
    expect(properties.messageId).toBe(`${session?.id}:${session?.sequence}`)

    const connection = await connect(server.url)
    const channel = await connection.createChannel()
    // What a client does that asserts it plainly, and the events of our own.
    await channel.assertQueue("gateway:MESSAGE_CREATE")
    await channel.checkQueue("gateway:GATEWAY_GAP")
    await connection.close()

    gateway.signal("SIGTERM")
    expect(await gateway.exited).toBe(0)
  },
  TIMEOUT_MS,
)

/** The gateway declares its queues before it publishes; until then a `get` would close the channel. */
async function untilListening(metricsPort: number): Promise<void> {
  while (true) {
    const text = await fetch(`http://127.0.0.1:${metricsPort}/metrics`).then(
      (answer) => answer.text(),
      () => "",
    )
    if (text.includes("\ngateway_broker_connected 1\n")) return
    await Bun.sleep(10)
  }
}

test(
  "#36 a refused password: one sentence that says what to change, no stack, exit code 1",
  async () => {
    await start({ AMQP_URL: `amqp://bot:hunter2@127.0.0.1:${server.port}`, LOG_FORMAT: "json" })
    expect(await gateway.exited).toBe(1)
    const errors = await gateway.errors
    expect(errors).toContain(
      `Cannot connect to RabbitMQ at amqp://127.0.0.1:${server.port}: it refuses the user name or the password; change them in amqp.url (AMQP_URL).`,
    )
    expect(errors).not.toMatch(/hunter2|\\n +at /)
  },
  TIMEOUT_MS,
)
