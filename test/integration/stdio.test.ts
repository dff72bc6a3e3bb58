// The gateway's command over standard input and output, against a simulator.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { encodeBody } from "../../src/brokers/body.ts"
import { MessageParser } from "../../src/brokers/stdio/messages.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { type GatewayProcess, startGatewayProcess, TOKEN } from "../fixtures/gateway-process.ts"

interface Message {
  readonly event: string
  readonly data: unknown
}

/** Events without a guild are direct messages, which need another intent. */
const GUILD = "81384788765712384"

let simulator: Simulator
let gateway: GatewayProcess | undefined
beforeEach(async () => {
  simulator = await startSimulator({ token: TOKEN })
})
afterEach(async () => {
  await gateway?.stop()
  await simulator.stop()
})

/** @param output where standard output goes in the shell: `| head -n 1`, `> /dev/full` */
const start = async (settings: Record<string, string> = {}, output = ""): Promise<GatewayProcess> => {
  gateway = await startGatewayProcess(simulator, settings, output)
  await Promise.race([simulator.record.waitFor("identify", ({ outcome }) => outcome === "ready"), gateway.exited])
  return gateway
}

const dispatch = (first: number, count: number, padding = "") => {
  for (let number = first; number < first + count; number += 1) {
    simulator.dispatch(0, "MESSAGE_CREATE", { number, guild_id: GUILD, padding, content: "ü\n{" })
  }
}

/** Reads until `count` messages came, or the output ends. Whatever is no message fails the test. */
async function read(output: ReadableStream<Uint8Array>, count: number): Promise<Message[]> {
  const parser = new MessageParser()
  const messages: Message[] = []
  for await (const chunk of output) {
    for (const parsed of parser.push(chunk)) {
      if (parsed.type === "refused") throw new Error(parsed.reason)
      messages.push({ event: parsed.event, data: parsed.data })
    }
    if (messages.length >= count) break
  }
  return messages
}

const numbers = (messages: readonly Message[]) =>
  messages.map(({ data }) => (typeof data === "object" && data !== null && "number" in data ? data.number : undefined))
const upTo = (count: number) => Array.from({ length: count }, (_, number) => number)

describe("standard output", () => {
  test("carries one JSON object a line for every event, and nothing else", async () => {
    const { output } = await start()
    dispatch(0, 2)
    simulator.dispatch(0, "TYPING_START", { guild_id: GUILD })
    expect(await readText(output, 3)).toBe(
      [
        '{"event":"MESSAGE_CREATE","data":{"number":0,"guild_id":"81384788765712384","padding":"","content":"ü\\n{"}}',
        '{"event":"MESSAGE_CREATE","data":{"number":1,"guild_id":"81384788765712384","padding":"","content":"ü\\n{"}}',
        '{"event":"TYPING_START","data":{"guild_id":"81384788765712384"}}',
        "",
      ].join("\n"),
    )
  })

  test("carries MessagePack maps when that is configured", async () => {
    const { output } = await start({ BROKER_FORMAT: "msgpack" })
    dispatch(0, 3)
    const reader = output.getReader()
    const { value } = await reader.read()
    expect(value?.[0]).toBe(0x82)
    reader.releaseLock()
  })

  test("ends the gateway with one sentence when its reader leaves", async () => {
    const { output, exited, errors } = await start({}, "| head -n 1")
    dispatch(0, 1)
    expect(numbers(await read(output, 1))).toEqual([0])
    await untilExit(exited, () => dispatch(1, 1))
    expect(await exited).toBe(1)
    expect(await errors).toContain("The reader of standard output has left. Start it again, together with the gateway.")
  })

  test("loses nothing to a reader that stops for a while, and keeps the order", async () => {
    const { output } = await start({}, "| (sleep 1; cat)")
    const count = 2_000
    dispatch(0, count, "x".repeat(1_000))
    expect(numbers(await read(output, count))).toEqual(upTo(count))
  })

  test.skipIf(process.platform !== "linux")("ends the gateway with one sentence when the disk is full", async () => {
    const { exited, errors } = await start({}, "> /dev/full")
    await untilExit(exited, () => dispatch(0, 1))
    expect(await exited).toBe(1)
    expect(await errors).toContain("Cannot write events to standard output: no space is left (ENOSPC)")
  })

  test("#32 SIGTERM: what came is written whole, the session is kept, and the exit code is 0", async () => {
    const { output, exited, signal } = await start()
    dispatch(0, 100)
    signal("SIGTERM")
    const messages = await read(output, Number.POSITIVE_INFINITY)
    expect(numbers(messages)).toEqual(upTo(messages.length))
    expect(await exited).toBe(0)
    const close = await simulator.record.waitFor("close", ({ by }) => by === "client")
    expect([1000, 1001]).not.toContain(close.code ?? 1000)
  })
})

describe("standard input", () => {
  test("takes packets for a shard or a guild, JSON and MessagePack, and survives what is neither", async () => {
    const { write } = await start()
    const presence = (status: string) => ({ op: 3, d: { since: null, activities: [], status, afk: false } })
    const voice = { op: 4, d: { guild_id: GUILD, channel_id: null, self_mute: false, self_deaf: false } }
    write("what is this?\n")
    write(`${JSON.stringify({ event: "0", data: presence("idle") })}\n{"event":"77","data":{}}\n`)
    write(encodeBody("msgpack", { event: "0", data: presence("dnd") }))
    write(encodeBody("msgpack", { event: "SEND", data: { guild_id: GUILD, packet: voice } }))
    await simulator.record.waitFor("packet", ({ op }) => op === 4)
    const packets = simulator.record.of("packet").map(({ op, d }) => ({ op, d }))
    expect(packets).toEqual([presence("idle"), presence("dnd"), voice])
  })
})

test("#35 the token is nowhere in the output, the logs or the metrics, at the most talkative level", async () => {
  const probe = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() })
  const { port } = probe
  await probe.stop(true)
  const { output, errors, signal } = await start({ LOG_LEVEL: "trace", PROMETHEUS_ADDRESS: `127.0.0.1:${port}` })
  dispatch(0, 1)
  await read(output, 1)
  const pages = await Promise.all(
    ["metrics", "shards", "readyz"].map((path) => fetch(`http://127.0.0.1:${port}/${path}`)),
  )
  const texts = await Promise.all(pages.map((page) => page.text()))
  signal("SIGTERM")
  const everything = [...texts, await errors].join("\n")
  for (const part of TOKEN.split(".")) expect(everything).not.toContain(part)
  expect(texts[0]).toContain('gateway_packets_received{t="MESSAGE_CREATE",op="0",shard="0"} 1\n')
  expect(texts[0]).toContain('gateway_shards_alive{id="0"} 1\n')
  expect(texts[2]).toBe("ready\n")
})

test("#36 a metrics port in use: one sentence, no stack, exit code 1", async () => {
  const { exited, errors } = await start({ PROMETHEUS_ADDRESS: simulator.host })
  expect(await exited).toBe(1)
  expect(await errors).toMatch(/^Cannot serve metrics on [^\n]+: the port is in use; [^\n]+\.\n$/)
})

/** The first `lines` lines. */
async function readText(output: ReadableStream<Uint8Array>, lines: number): Promise<string> {
  let text = ""
  const utf8 = new TextDecoder()
  for await (const chunk of output) {
    text += utf8.decode(chunk, { stream: true })
    if (text.split("\n").length > lines) break
  }
  return text
}

/** A closed pipe is noticed by the next write, so there must be one until the process has gone. */
async function untilExit(exited: Promise<number>, again: () => void): Promise<void> {
  let running = true
  void exited.then(() => {
    running = false
  })
  while (running) {
    again()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
