// What an event is in order with, and which pair of shards it belongs to.

import { describe, expect, test } from "bun:test"
import { Streams } from "../../../src/gateway/reshard/stream-of.ts"

/** A guild of shard `x % count`. */
const guild = (x: number) => String(BigInt(x) << 22n)

describe("an event's stream", () => {
  test("is its guild, which one shard of the other set has too", () => {
    const streams = new Streams(3, 8, 16)
    expect(streams.of("MESSAGE_CREATE", { guild_id: guild(11) })).toEqual({ stream: guild(11), other: 11 })
    expect(streams.of("MESSAGE_CREATE", { guild_id: guild(3) })).toEqual({ stream: guild(3), other: 3 })
    expect(new Streams(11, 16, 8).of("GUILD_DELETE", { id: guild(11) })).toEqual({ stream: guild(11), other: 3 })
  })

  test("is its channel, or the rest, where it has no guild of this shard", () => {
    const streams = new Streams(0, 8, 16)
    const direct = { stream: "channel:5", other: 0 }
    expect(streams.of("MESSAGE_CREATE", { channel_id: "5" })).toEqual(direct)
    expect(streams.of("INTERACTION_CREATE", { channel_id: "5", guild_id: guild(1) })).toEqual(direct)
    for (const d of [null, 7, {}, { guild_id: "no id" }, { guild_id: 8 }]) {
      expect(streams.of("EVENT", d)).toEqual({ stream: "", other: 0 })
    }
  })

  test("is none for what comes to shard 0 although it names a guild", () => {
    for (const name of ["ENTITLEMENT_CREATE", "SUBSCRIPTION_UPDATE", "USER_UPDATE"]) {
      expect(new Streams(0, 8, 16).of(name, { id: guild(8), guild_id: guild(8) })).toEqual({ stream: "", other: 0 })
    }
  })
})
