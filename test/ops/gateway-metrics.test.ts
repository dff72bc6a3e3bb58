import { beforeEach, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { GatewayMetrics, type ShardReading } from "../../src/ops/gateway-metrics.ts"
import { Metrics } from "../../src/ops/metrics.ts"

const FLEET = { identifyWaiting: 2, leases: null, reshard: null } as const
const DOCUMENT = join(import.meta.dir, "../../docs/metrics.md")

let metrics: Metrics
let gateway: GatewayMetrics
beforeEach(() => {
  metrics = new Metrics()
  gateway = new GatewayMetrics(metrics)
})

const scrape = async (name: string): Promise<string[]> =>
  (await metrics.text()).split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))

const shard = (reading: Partial<ShardReading> = {}): ShardReading => ({
  id: 3,
  slot: reading.id ?? 3,
  isOfBot: true,
  alive: true,
  latencyMs: 42,
  windowEvents: 7,
  windowBytes: 7_000,
  events: ["MESSAGE_CREATE", "TYPING_START"],
  counts: new Float64Array([0, 0, 0]),
  ...reading,
})

describe("gateway metrics", () => {
  test("show the state of each shard, and of the bot", async () => {
    const shards = [shard(), shard({ id: 4, alive: false, latencyMs: null })]
    metrics.onScrape(() => gateway.read({ totalShards: 16, shards, identifiesLeft: 990, fleet: FLEET }))
    expect(await scrape("gateway_shards_alive")).toEqual([
      'gateway_shards_alive{id="3"} 1',
      'gateway_shards_alive{id="4"} 0',
    ])
    expect(await scrape("gateway_total_shards")).toEqual(["gateway_total_shards 16"])
    expect(await scrape("gateway_ping")).toEqual(['gateway_ping{id="3"} 42'])
    expect(await scrape("gateway_delivery_window_events")).toContain('gateway_delivery_window_events{shard="3"} 7')
    expect(await scrape("gateway_delivery_window_bytes")).toContain('gateway_delivery_window_bytes{shard="3"} 7000')
    expect(await scrape("gateway_identifies_remaining")).toEqual(["gateway_identifies_remaining 990"])
  })

  test("say nothing more of the state of a shard that went to another process, and keep what was counted", async () => {
    let shards = [shard({ counts: new Float64Array([5, 0, 0]) }), shard({ id: 4 })]
    metrics.onScrape(() => gateway.read({ totalShards: 16, shards, identifiesLeft: 990, fleet: FLEET }))
    await metrics.text()
    shards = shards.slice(1)
    expect(await scrape("gateway_shards_alive")).toEqual(['gateway_shards_alive{id="4"} 1'])
    expect(await scrape("gateway_ping")).toEqual(['gateway_ping{id="4"} 42'])
    expect(await scrape("gateway_delivery_window_events")).toEqual(['gateway_delivery_window_events{shard="4"} 7'])
    expect(await scrape("gateway_packets_received")).toContain(
      'gateway_packets_received{t="MESSAGE_CREATE",op="0",shard="3"} 5',
    )
  })

  test("show what the processes of a bot share, and no leases where there are none", async () => {
    gateway.fleet.slotGranted(5_250)
    gateway.fleet.slotReturned()
    gateway.fleet.leaseMoved({ direction: "out", reason: "handed-over" })
    gateway.fleet.fenced()
    metrics.onScrape(() => gateway.read({ totalShards: 1, shards: [], identifiesLeft: null, fleet: FLEET }))
    expect(await scrape("gateway_identify_waiting")).toEqual(["gateway_identify_waiting 2"])
    expect(await scrape("gateway_identify_wait_seconds_sum")).toEqual(["gateway_identify_wait_seconds_sum 5.25"])
    expect(await scrape("gateway_identify_slots_returned_total")).toEqual(["gateway_identify_slots_returned_total 1"])
    expect(await scrape("gateway_lease_moves_total")).toEqual([
      'gateway_lease_moves_total{direction="out",reason="handed-over"} 1',
    ])
    expect(await scrape("gateway_fences_total")).toEqual(["gateway_fences_total 1"])
    expect(await scrape("gateway_leases")).toEqual([])
  })

  test("show a reshard while it runs, and count what both shards of a number get, but tell the state of the bot's alone", async () => {
    const reshard = { phase: "cutting", shards: { total: 16, live: 15, cut: 3 } }
    const counts = new Float64Array([5, 0, 0])
    const shards = [shard({ counts }), shard({ slot: 11, isOfBot: false, alive: false, counts })]
    let isOver = false
    metrics.onScrape(() => {
      const fleet = isOver ? FLEET : { ...FLEET, reshard }
      gateway.read({ totalShards: 8, shards, identifiesLeft: null, fleet })
    })
    gateway.fleet.handOver("changed")
    expect(await scrape("gateway_reshard_phase")).toEqual(['gateway_reshard_phase{phase="cutting"} 1'])
    expect(await scrape("gateway_reshard_shards")).toContain('gateway_reshard_shards{state="cut"} 3')
    expect(await scrape("gateway_reshard_hand_overs_total")).toEqual([
      'gateway_reshard_hand_overs_total{result="changed"} 1',
    ])
    expect(await scrape("gateway_shards_alive")).toEqual(['gateway_shards_alive{id="3"} 1'])
    expect(await scrape("gateway_packets_received")).toContain(
      'gateway_packets_received{t="MESSAGE_CREATE",op="0",shard="3"} 10',
    )
    isOver = true
    expect(await scrape("gateway_reshard_phase")).toEqual([])
  })

  test("show no identify budget before Discord has told one", async () => {
    metrics.onScrape(() => gateway.read({ totalShards: 1, shards: [], identifiesLeft: null, fleet: FLEET }))
    expect(await scrape("gateway_identifies_remaining")).toEqual([])
  })

  test("count dispatches from the decoder's totals, by event, however often they are scraped", async () => {
    const counts = new Float64Array([5, 0, 2])
    metrics.onScrape(() =>
      gateway.read({ totalShards: 1, shards: [shard({ counts })], identifiesLeft: null, fleet: FLEET }),
    )
    const expected = (created: number, other: number) => [
      `gateway_packets_received{t="MESSAGE_CREATE",op="0",shard="3"} ${created}`,
      `gateway_packets_received{t="other",op="0",shard="3"} ${other}`,
    ]
    expect(await scrape("gateway_packets_received")).toEqual(expected(5, 2))
    expect(await scrape("gateway_packets_received")).toEqual(expected(5, 2))
    counts.set([9, 0, 3])
    expect(await scrape("gateway_packets_received")).toEqual(expected(9, 3))
  })

  test("go on counting when a shard has a new decoder", async () => {
    let counts = new Float64Array([5, 0, 0])
    metrics.onScrape(() =>
      gateway.read({ totalShards: 1, shards: [shard({ counts })], identifiesLeft: null, fleet: FLEET }),
    )
    await metrics.text()
    counts = new Float64Array([2, 0, 0])
    expect(await scrape("gateway_packets_received")).toEqual([
      'gateway_packets_received{t="MESSAGE_CREATE",op="0",shard="3"} 7',
    ])
  })

  test("count what is rare as it happens", async () => {
    gateway.packetReceived(3, 11)
    gateway.packetSent(3, 1)
    gateway.reconnected(3, "zombie")
    gateway.decodeFailed(3, "transport")
    gateway.sendRefused("too large")
    gateway.confirmed(4)
    expect(await scrape("gateway_packets_received")).toEqual(['gateway_packets_received{t="",op="11",shard="3"} 1'])
    expect(await scrape("gateway_packets_sent")).toEqual(['gateway_packets_sent{op="1",shard="3"} 1'])
    expect(await scrape("gateway_reconnects_total")).toEqual(['gateway_reconnects_total{shard="3",reason="zombie"} 1'])
    expect(await scrape("gateway_decode_errors_total")).toEqual([
      'gateway_decode_errors_total{shard="3",kind="transport"} 1',
    ])
    expect(await scrape("gateway_refused_sends_total")).toEqual(['gateway_refused_sends_total{reason="too large"} 1'])
    expect(await scrape("gateway_publish_latency_seconds_sum")).toEqual(["gateway_publish_latency_seconds_sum 0.004"])
  })

  test("tell of the broker's server once its adapter has said something", async () => {
    expect(await scrape("gateway_broker_connected")).toEqual([])
    for (const [state, connected, blocked] of [
      ["up", 1, 0],
      ["blocked", 1, 1],
      ["down", 0, 0],
    ] as const) {
      gateway.brokerChanged(state)
      expect(await scrape("gateway_broker_connected")).toEqual([`gateway_broker_connected ${connected}`])
      expect(await scrape("gateway_broker_blocked")).toEqual([`gateway_broker_blocked ${blocked}`])
    }
  })

  test("have no more reasons than their bound, however many there are", async () => {
    for (let number = 0; number < 1_000; number += 1) gateway.reconnected(0, `reason ${number}`)
    const lines = await scrape("gateway_reconnects_total")
    expect(lines).toHaveLength(65)
    expect(lines.at(-1)).toBe('gateway_reconnects_total{shard="0",reason="other"} 936')
  })
})

test("docs/metrics.md lists every metric, with its type and labels, and no other", async () => {
  const rows = (await Bun.file(DOCUMENT).text()).matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*)\|/gm)
  const documented = [...rows].map(([, name, type, labels = ""]) =>
    [name, type, ...(labels.match(/\w+/g) ?? [])].join(" "),
  )
  const described = metrics.describe().map(({ name, type, labels }) => [name, type, ...labels].join(" "))
  expect(documented.sort()).toEqual(described.sort())
})
