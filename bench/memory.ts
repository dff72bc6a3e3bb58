// What a shard holds in memory: a gateway process with 16, 64 and 256 shards connected, resident after every shard has had so
// many events that its decompression window is full, and has rested. Events go to standard output, which goes nowhere.

import { join } from "node:path"
import { freePort } from "../test/fixtures/free-port.ts"
import type { Benchmark, BenchmarkCase, Sample } from "./benchmark.ts"
import { startFeed } from "./feed/feed.ts"
import { ALL_EVENTS, ALL_INTENTS, TOKEN } from "./feed/gateway.ts"
import { cpuUsOf, residentBytesOf } from "./feed/process-cost.ts"

const SHARDS = [16, 64, 256]
const SMOKE_SHARDS = 4
/** Of 1.15 KB: more than the 2 MB that zstd looks back by default. */
const EVENTS_A_SHARD = 2_400
const BURST_EVENTS_A_SHARD = 200
const SMOKE_EVENTS_A_SHARD = 20
const REST_MS = 10_000
const SMOKE_REST_MS = 100
const POLL_MS = 50

export const benchmark: Benchmark = {
  question: "How much memory does a connected shard take?",
  cases: SHARDS.flatMap((shards) => [withShards(shards, "zlib"), withShards(shards, "zstd")]),
}

function withShards(shards: number, compression: "zlib" | "zstd"): BenchmarkCase {
  return {
    name: `${shards} shards, ${compression}`,
    run: ({ smoke }) => runGateway(smoke ? SMOKE_SHARDS : shards, compression, smoke),
  }
}

async function runGateway(shards: number, compression: string, smoke: boolean): Promise<Sample> {
  const [feed, port] = await Promise.all([startFeed(shards), freePort()])
  const gateway = Bun.spawn([process.execPath, join(import.meta.dir, "../src/bin/gateway.ts")], {
    env: {
      PATH: process.env["PATH"] ?? "",
      DISCORD_TOKEN: TOKEN,
      DISCORD_RAW_INTENTS: ALL_INTENTS,
      DISCORD_EVENTS: ALL_EVENTS.join(","),
      DISCORD_COMPRESSION: compression,
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: feed.host,
      PROMETHEUS_ADDRESS: `127.0.0.1:${port}`,
      LOG_LEVEL: "warn",
    },
    stdio: ["ignore", "ignore", "inherit"],
  })
  const address = `http://127.0.0.1:${port}`
  try {
    await until(gateway, async () => (await fetch(`${address}/readyz`).catch(() => null))?.ok === true)
    const atStart = await received(address)
    const startedMs = performance.now()
    const cpuUs = cpuUsOf(gateway.pid)
    const each = smoke ? SMOKE_EVENTS_A_SHARD : BURST_EVENTS_A_SHARD
    let sent = 0
    for (let burst = 0; burst < (smoke ? 1 : EVENTS_A_SHARD / BURST_EVENTS_A_SHARD); burst += 1) {
      const send = await feed.prepare(each)
      send()
      sent += each * shards
      await until(gateway, async () => (await received(address)) - atStart >= sent)
    }
    const wallUs = (performance.now() - startedMs) * 1_000
    const sample = { events: sent, cpuUs: cpuUsOf(gateway.pid) - cpuUs, wallUs }
    await Bun.sleep(smoke ? SMOKE_REST_MS : REST_MS)
    return { ...sample, residentBytes: residentBytesOf(gateway.pid) }
  } finally {
    gateway.kill("SIGKILL")
    await gateway.exited
    await feed.stop()
  }
}

async function until(gateway: Bun.Subprocess, holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    if (gateway.exitCode !== null) throw new Error(`Cannot measure the gateway: it ended with ${gateway.exitCode}.`)
    await Bun.sleep(POLL_MS)
  }
}

/** Dispatches that the gateway has decoded so far. */
async function received(address: string): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text()
  return text
    .split("\n")
    .filter((line) => line.startsWith("gateway_packets_received{") && line.includes('op="0"'))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0)
}
