// Which packets may be sent at all.

import { describe, expect, test } from "bun:test"
import { checkPacket, MAX_PAYLOAD_BYTES } from "../../../src/gateway/sends/rules.ts"

const GUILD = "197038439483310086"

/** Deeper than any stack. */
const LEVELS = 100_000

function nested(): unknown {
  let value: unknown = []
  for (let level = 0; level < LEVELS; level += 1) value = [value]
  return value
}

function refusalOf(value: unknown): string {
  const checked = checkPacket(value)
  return checked.ok ? "accepted" : `${checked.refusal.reason}: ${checked.refusal.message}`
}

describe("checking a packet", () => {
  test("accepts what handlers may send, as the JSON that goes out", () => {
    const checked = checkPacket({ op: 4, d: { guild_id: GUILD, channel_id: null, self_mute: false, self_deaf: false } })
    expect(checked.ok && checked.packet.json).toBe(
      `{"op":4,"d":{"guild_id":"${GUILD}","channel_id":null,"self_mute":false,"self_deaf":false}}`,
    )
    for (const op of [3, 31, 43]) expect(checkPacket({ op, d: {} }).ok).toBe(true)
  })

  test("writes 64-bit integers of MessagePack as the snowflakes they are", () => {
    const checked = checkPacket({ op: 4, d: { guild_id: 197038439483310086n } })
    expect(checked.ok && checked.packet.json).toContain(`"guild_id":"${GUILD}"`)
  })

  test.each([
    [null, "malformed"],
    ["text", "malformed"],
    [[4, {}], "malformed"],
    [{ d: {} }, "malformed"],
    [{ op: "4", d: {} }, "malformed"],
    [{ op: 2, d: {} }, "forbidden-opcode"],
    [{ op: 6, d: {} }, "forbidden-opcode"],
    [{ op: 1, d: 5 }, "forbidden-opcode"],
    [{ op: 8, d: { guild_id: [GUILD] } }, "malformed"],
    [{ op: 8, d: { guild_id: GUILD, user_ids: Array(101).fill("1") } }, "malformed"],
    [{ op: 8, d: { guild_id: GUILD, query: "a", limit: 101 } }, "malformed"],
    [{ op: 8, d: { guild_id: GUILD, query: "", limit: 0, nonce: "é".repeat(17) } }, "malformed"],
  ])("refuses %j as %s", (value, reason) => {
    expect(refusalOf(value)).toStartWith(`${reason}: Cannot `)
  })

  test("refuses what is nested so deeply that it cannot even be shown", () => {
    expect(refusalOf(nested())).toBe("malformed: Cannot send what is nested too deeply: a packet is a map {op, d}.")
    expect(refusalOf({ op: nested(), d: {} })).toStartWith("malformed: Cannot send a packet with op what is nested")
    expect(refusalOf({ op: 3, d: nested() })).toStartWith("malformed: Cannot send op 3")
  })

  test("refuses a payload over 4,096 bytes before it is sent, and takes one of exactly that", () => {
    const around = '{"op":3,"d":{"x":""}}'.length
    expect(checkPacket({ op: 3, d: { x: "a".repeat(MAX_PAYLOAD_BYTES - around) } }).ok).toBe(true)
    expect(refusalOf({ op: 3, d: { x: "a".repeat(MAX_PAYLOAD_BYTES - around + 1) } })).toStartWith("too-large")
    expect(refusalOf({ op: 3, d: { x: "é".repeat(MAX_PAYLOAD_BYTES / 2) } })).toStartWith("too-large")
  })

  test("takes a guild's id as an integer, with all its digits", () => {
    const checked = checkPacket({ op: 8, d: { guild_id: 197038439483310086n, query: "", limit: 0 } })
    expect(checked.ok && checked.packet.allMembersOf).toBe(GUILD)
    expect(checked.ok && checked.packet.json).toContain(`"guild_id":"${GUILD}"`)
    expect(refusalOf({ op: 8, d: { guild_id: Number(GUILD) } })).toStartWith("malformed")
  })

  test("knows a request for all members of a guild", () => {
    const all = checkPacket({ op: 8, d: { guild_id: GUILD, query: "", limit: 0 } })
    const some = checkPacket({ op: 8, d: { guild_id: GUILD, query: "ab", limit: 10 } })
    expect(all.ok && all.packet.allMembersOf).toBe(GUILD)
    expect(some.ok && some.packet.allMembersOf).toBeNull()
  })
})
