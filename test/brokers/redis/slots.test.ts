// Slots as the cluster specification gives them, and as a server computes them.

import { expect, test } from "bun:test"
import { SLOT_COUNT, slotOf } from "../../../src/brokers/redis/slots.ts"
import { startRedisServer } from "../../fixtures/redis-server.ts"

test("the specification's example: 123456789 has the checksum 0x31C3", () => {
  expect(slotOf("123456789")).toBe(0x31c3 % SLOT_COUNT)
})

test("agrees with a server, on hash tags too", async () => {
  const server = await startRedisServer({ cluster: true })
  const keys = [
    "MESSAGE_CREATE",
    "3",
    "gateway:0",
    "{gateway}:0",
    "{}x",
    "a{b}c{d}",
    "{a",
    "a}",
    "x{}{y}",
    "ünï",
    "{{a}}",
  ]
  for (const key of keys)
    expect([key, slotOf(key)]).toEqual([key, Number(await server.command("CLUSTER", "KEYSLOT", key))])
  await server.stop()
})
