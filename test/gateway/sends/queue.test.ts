// What a shard sends, before Discord's limits.

import { beforeEach, describe, expect, test } from "bun:test"
import { MAX_QUEUED_SENDS, SEND_DEADLINE_MS, SendQueue, type SendResult } from "../../../src/gateway/sends/queue.ts"
import type { SendablePacket } from "../../../src/gateway/sends/rules.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"

const HEARTBEAT = 1
const INTERVAL_MS = 41_250

let clock: FakeClock
let written: { readonly op: number; readonly atMs: number }[]
let queue: SendQueue

beforeEach(() => {
  clock = new FakeClock()
  written = []
  queue = new SendQueue({ clock, write: (op) => written.push({ op, atMs: clock.nowMs() }) })
  queue.opened(INTERVAL_MS)
})

const packet = (op: number, allMembersOf: string | null = null): SendablePacket => ({ op, json: "{}", allMembersOf })

function sendMany(count: number, op = 4): Promise<SendResult>[] {
  return Array.from({ length: count }, () => queue.send(packet(op)))
}

const count = (op: number) => written.filter((sent) => sent.op === op).length

describe("the send queue", () => {
  test("never writes more than 120 packets in any 60 s, heartbeats included", () => {
    queue.live()
    void Promise.all(sendMany(600))
    for (let i = 0; i < 8; i += 1) {
      queue.urgent(HEARTBEAT, "{}")
      clock.advance(30_000)
    }
    for (const { atMs } of written) {
      const inWindow = written.filter((other) => other.atMs >= atMs && other.atMs < atMs + 60_000)
      expect(inWindow.length).toBeLessThanOrEqual(120)
    }
    expect(count(4)).toBeGreaterThan(200)
  })

  test("#23 a full queue leaves places in the window for heartbeats, which go first", () => {
    queue.live()
    void Promise.all(sendMany(MAX_QUEUED_SENDS))
    expect(count(4)).toBeLessThan(120)
    const before = written.length
    queue.urgent(HEARTBEAT, "{}")
    expect(written.length).toBe(before + 1)
    expect(count(4) + count(HEARTBEAT)).toBeLessThanOrEqual(120)
  })

  test("#23 a short heartbeat interval reserves more places", () => {
    queue.opened(1_000)
    queue.live()
    void Promise.all(sendMany(200))
    expect(count(4)).toBeLessThanOrEqual(120 - 60)
  })

  test("#24 packets wait for the connection in their order", async () => {
    const sent = [queue.send(packet(4)), queue.send(packet(8))]
    expect(written).toEqual([])
    queue.live()
    expect(await Promise.all(sent)).toEqual([null, null])
    expect(written.map(({ op }) => op)).toEqual([4, 8])
  })

  test("#24 a packet that waits too long is refused with the reason", async () => {
    const sent = queue.send(packet(4))
    clock.advance(SEND_DEADLINE_MS)
    expect((await sent)?.reason).toBe("expired")
    queue.live()
    expect(written).toEqual([])
  })

  test("#24 more packets than the bound are refused at once with the reason", async () => {
    void Promise.all(sendMany(MAX_QUEUED_SENDS))
    const refused = await queue.send(packet(4))
    expect(refused?.reason).toBe("queue-full")
    expect(refused?.message).toContain(String(MAX_QUEUED_SENDS))
  })

  test("presence updates go out 5 per 20 s, and hold nothing else up", () => {
    queue.live()
    void Promise.all([...sendMany(8, 3), ...sendMany(2, 4)])
    expect(count(3)).toBe(5)
    expect(count(4)).toBe(2)
    clock.advance(19_999)
    expect(count(3)).toBe(5)
    clock.advance(1)
    expect(count(3)).toBe(8)
  })

  test("all members of one guild are asked for once per 30 s", () => {
    queue.live()
    void Promise.all([queue.send(packet(8, "1")), queue.send(packet(8, "1")), queue.send(packet(8, "2"))])
    expect(count(8)).toBe(2)
    clock.advance(30_000)
    expect(count(8)).toBe(3)
  })

  test("a new connection has a new window", () => {
    queue.live()
    void Promise.all(sendMany(200))
    const first = count(4)
    queue.down()
    queue.opened(INTERVAL_MS)
    queue.live()
    expect(count(4)).toBeGreaterThan(first)
  })

  test("stopping refuses whatever waits", async () => {
    const sent = queue.send(packet(4))
    queue.stop()
    expect((await sent)?.reason).toBe("stopped")
  })
})
