// Frames of a flood come in turns, in order, and none is left behind.

import { beforeEach, describe, expect, test } from "bun:test"
import { FrameTurns } from "../../src/gateway/frame-turns.ts"

/** A turn has room for 32 of these, and 4,096 of them may wait. */
const FRAME_BYTES = 1024

let soon: (() => void)[]
let handed: number[]
let calls: number
let added: number
let turns: FrameTurns

beforeEach(() => {
  soon = []
  handed = []
  calls = 0
  added = 0
  turns = new FrameTurns(
    (run) => soon.push(run),
    (joined) => {
      const view = new DataView(joined.buffer, joined.byteOffset, joined.length)
      for (let at = 0; at < joined.length; at += FRAME_BYTES) handed.push(view.getUint32(at))
      calls += 1
    },
  )
})

function add(count: number): void {
  for (const end = added + count; added < end; added += 1) {
    const bytes = new Uint8Array(FRAME_BYTES)
    new DataView(bytes.buffer).setUint32(0, added)
    turns.add(bytes)
  }
}

/** Others have their turn. @returns whether there was something to do afterwards */
function turn(): boolean {
  const due = soon
  soon = []
  for (const run of due) run()
  return due.length > 0
}

const first = (count: number) => Array.from({ length: count }, (_, index) => index)

describe("frames", () => {
  test("are handed over at once, as long as they are few", () => {
    add(32)
    expect(handed).toEqual(first(32))
    expect(turn()).toBe(true)
    expect(turn()).toBe(false)
  })

  test("of a flood are handed over a turn at a time, in order", () => {
    add(80)
    expect(handed).toEqual(first(32))
    turn()
    expect(handed).toEqual(first(64))
    turn()
    expect(handed).toEqual(first(80))
    expect(turn()).toBe(false)
  })

  test("that have waited are joined", () => {
    add(80)
    turn()
    turn()
    expect(calls).toBe(32 + 2)
  })

  test("that come while others wait are behind those", () => {
    add(40)
    expect(handed).toEqual(first(32))
    turn()
    add(1)
    expect(handed).toEqual(first(41))
  })

  test("that are too many to wait are handed over without a turn", () => {
    add(32 + 4_096)
    expect(handed).toEqual(first(32))
    add(1)
    expect(handed).toEqual(first(64))
  })

  test("are all handed over when the connection is gone, and nothing comes after that", () => {
    add(100)
    turns.end()
    expect(handed).toEqual(first(100))
    turn()
    expect(handed.length).toBe(100)
    expect(turn()).toBe(false)
  })
})
