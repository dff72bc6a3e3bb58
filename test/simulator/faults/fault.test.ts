import { describe, expect, test } from "bun:test"
import { readFault } from "../../../src/simulator/faults/fault.ts"

const documentation = await Bun.file(`${import.meta.dir}/../../../docs/simulator.md`).text()
const documented = [...documentation.matchAll(/`(\{"type":.*?\})` \|/g)].map(([, json = ""]) => json)

describe("docs/simulator.md", () => {
  test.each(documented)("shows a fault that exists: %s", (json) => {
    expect(readFault(JSON.parse(json)).fault).toMatchObject(JSON.parse(json))
  })

  test("shows every type of fault", () => {
    const shown = new Set(documented.map((json) => JSON.parse(json).type))
    expect(() => readFault({ type: "?" })).toThrow(`must be one of ${FAULT_TYPES.join(", ")}`)
    expect([...shown].sort()).toEqual([...FAULT_TYPES].sort())
  })
})

const FAULT_TYPES = [
  "silence",
  "delay",
  "reconnect",
  "invalid-session",
  "close",
  "drop",
  "half-open",
  "request-heartbeat",
  "corrupt",
  "giant-guild",
  "guild-flood",
  "forget-sessions",
  "split-frames",
  "merge-frames",
  "dead-resume-host",
  "refuse-connections",
  "bad-gateway",
  "cloudflare-limit",
  "download",
  "shared-limit",
]

test("a fault happens once, now, on every shard, unless it says otherwise", () => {
  expect(readFault({ type: "drop" })).toEqual({ kind: "incident", fault: { type: "drop", on: "now", times: 1 } })
})

test.each([
  [{ type: "close" }, '"code"'],
  [{ type: "close", code: 99 }, '"code"'],
  [{ type: "delay", on: "hello", delayMs: -1 }, '"delayMs"'],
  [{ type: "drop", on: "lunch" }, '"on"'],
  [{ type: "drop", times: 0 }, '"times"'],
  [{ type: "giant-guild", bytes: 1e12 }, '"bytes"'],
  ["drop", '"type" must be one of'],
  [null, '"type" must be one of'],
])("refuses %p and names what is wrong", (fault, named) => {
  expect(() => readFault(fault)).toThrow(named)
})
