import { describe, expect, test } from "bun:test"
import { formatProgress, type Progress, showProgress, type Terminal } from "../../src/ops/progress.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"

const progress = (change: Partial<Progress> = {}): Progress => ({
  shardsReady: 2,
  shards: 4,
  events: 12_345,
  latencyMs: 1.24,
  ...change,
})

class FakeTerminal implements Terminal {
  readonly isTTY: boolean
  columns = 80
  rows = 24
  readonly written: string[] = []

  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }

  write(text: string): void {
    this.written.push(text)
  }
}

describe("formatProgress", () => {
  test.each([
    [progress(), 80, " shards 2/4  │  events 12,345  │  2,000/s  │  latency 1.2 ms"],
    [progress({ latencyMs: 312.4 }), 80, " shards 2/4  │  events 12,345  │  2,000/s  │  latency 312 ms"],
    [progress({ latencyMs: null }), 80, " shards 2/4  │  events 12,345  │  2,000/s  │  latency –"],
    [progress(), 12, " shards 2/4 "],
  ])("writes one line no wider than the terminal", (value, columns, line) => {
    expect(formatProgress(value, 1_999.6, columns)).toBe(line)
  })
})

describe("showProgress", () => {
  test("writes nothing when there is no terminal", () => {
    const terminal = new FakeTerminal(false)
    const clock = new FakeClock()
    const stop = showProgress(terminal, clock, () => progress())
    clock.advance(10_000)
    stop()
    expect(terminal.written).toEqual([])
    expect(clock.step()).toBe(false)
  })

  test("keeps the last row out of the scrolling, once, and draws there in single writes that put the cursor back", () => {
    const terminal = new FakeTerminal(true)
    const clock = new FakeClock()
    showProgress(terminal, clock, () => progress())
    clock.advance(1_000)
    const [first, ...others] = terminal.written
    expect(first).toStartWith("\n\x1b7\x1b[1;23r\x1b8\x1b[1A")
    expect(others.length).toBeGreaterThan(1)
    for (const text of others) {
      expect(text).toStartWith("\x1b7\x1b[24;1H\x1b[2K")
      expect(text).toEndWith("\x1b8")
      expect(text).not.toContain("\n")
    }
  })

  test("measures the rate between two refreshes", () => {
    const terminal = new FakeTerminal(true)
    const clock = new FakeClock()
    let events = 0
    showProgress(terminal, clock, () => progress({ events }))
    events = 500
    clock.advance(250)
    expect(terminal.written.at(-1)).toContain("2,000/s")
  })

  test("moves with a terminal that changes its size", () => {
    const terminal = new FakeTerminal(true)
    const clock = new FakeClock()
    showProgress(terminal, clock, () => progress())
    terminal.rows = 40
    clock.advance(250)
    expect(terminal.written.at(-1)).toContain("\x1b[1;39r")
    expect(terminal.written.at(-1)).toContain("\x1b[40;1H")
  })

  test("gives the whole terminal back when it stops, and draws no more", () => {
    const terminal = new FakeTerminal(true)
    const clock = new FakeClock()
    const stop = showProgress(terminal, clock, () => progress())
    stop()
    expect(terminal.written.at(-1)).toContain("\x1b[r")
    expect(clock.step()).toBe(false)
  })
})
