// One connection: sockets that lie, hang and speak late.

import { beforeEach, describe, expect, test } from "bun:test"
import { CLOSE_GRACE_MS, Connection, type ConnectionEvents } from "../../src/gateway/connection.ts"
import type { SocketEvents } from "../../src/gateway/socket.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"
import { modelDecoder } from "./simulation/model-decoder.ts"

let clock: FakeClock
let socket: SocketEvents
let calls: string[]
let told: string[]
let closesInside: boolean

beforeEach(() => {
  clock = new FakeClock()
  calls = []
  told = []
  closesInside = false
})

function connect(on: Partial<ConnectionEvents> = {}): Connection {
  return new Connection({
    url: "ws://127.0.0.1/",
    decoder: modelDecoder(),
    clock,
    dial(_url, events) {
      socket = events
      return {
        send: (text) => calls.push(`send ${text}`),
        close(code) {
          calls.push(`close ${code}`)
          if (closesInside) events.closed(code, "")
        },
        terminate: () => calls.push("terminate"),
      }
    },
    on: {
      opened: () => told.push("opened"),
      control: ({ op }) => told.push(`op ${op}`),
      frame: () => told.push("frame"),
      corrupt: (kind) => told.push(`corrupt ${kind}`),
      closed: (code) => told.push(`closed ${code}`),
      ...on,
    },
  })
}

const frame = (packet: object) => socket.frame(new TextEncoder().encode(JSON.stringify(packet)))

describe("a connection", () => {
  test("#1 a close handshake that never completes ends with terminate", async () => {
    const connection = connect()
    const gone = connection.close(4900)
    expect(calls).toEqual(["close 4900"])
    clock.advance(CLOSE_GRACE_MS)
    expect(calls).toEqual(["close 4900", "terminate"])
    await gone
  })

  test("#2 late events of a closed connection change nothing", () => {
    const connection = connect()
    void connection.close(4900)
    socket.opened()
    frame({ op: 10, d: { heartbeat_interval: 1 }, s: null, t: null })
    socket.closed(1006, "")
    connection.send("{}")
    expect(told).toEqual([])
    expect(calls).toEqual(["close 4900"])
  })

  test("#3 a close event inside close() is no second close", async () => {
    closesInside = true
    const connection = connect()
    await connection.close(4900)
    expect(told).toEqual([])
    clock.advance(CLOSE_GRACE_MS)
    expect(calls).toEqual(["close 4900"])
  })

  test("close codes arrive as they were sent", () => {
    connect()
    socket.closed(4014, "")
    expect(told).toEqual(["closed 4014"])
  })

  test("#12 a frame that cannot be decoded is told with its kind", () => {
    connect()
    socket.frame(new TextEncoder().encode("garbage"))
    expect(told).toEqual(["corrupt json"])
  })

  test("packets behind one that ended the connection are dropped", () => {
    const connection: Connection = connect({
      control({ op }) {
        told.push(`op ${op}`)
        void connection.close(4900)
      },
    })
    frame({ op: 7, d: null, s: null, t: null })
    frame({ op: 7, d: null, s: null, t: null })
    expect(told).toEqual(["op 7"])
  })
})
