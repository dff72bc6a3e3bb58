import { describe, expect, test } from "bun:test"
import type { ConsumeMessage } from "amqplib"
import { MAX_REDELIVERIES, Redeliveries } from "../../../src/brokers/amqp/redeliveries.ts"

const properties = {
  contentType: undefined,
  contentEncoding: undefined,
  deliveryMode: undefined,
  priority: undefined,
  correlationId: undefined,
  replyTo: undefined,
  expiration: undefined,
  timestamp: undefined,
  type: undefined,
  userId: undefined,
  appId: undefined,
  clusterId: undefined,
}

function message(body: string, messageId?: string, headers: Record<string, unknown> = {}): ConsumeMessage {
  return {
    content: Buffer.from(body),
    fields: { deliveryTag: 1, redelivered: true, exchange: "", routingKey: "", consumerTag: "" },
    properties: { ...properties, messageId, headers },
  }
}

/** How often a message comes again before it is given up. */
function timesAgain(redeliveries: Redeliveries, one: ConsumeMessage): number {
  let times = 0
  while (redeliveries.mayComeAgain("SEND", one)) times += 1
  return times
}

describe("Redeliveries", () => {
  test("lets a message come again a bounded number of times, by its id or else by its body", () => {
    const redeliveries = new Redeliveries()
    for (const one of [message("a"), message("b"), message("b", "id")]) {
      expect(timesAgain(redeliveries, one)).toBe(MAX_REDELIVERIES)
    }
  })

  test("believes the count of a quorum queue", () => {
    const redeliveries = new Redeliveries()
    expect(redeliveries.mayComeAgain("SEND", message("a", "id", { "x-delivery-count": MAX_REDELIVERIES }))).toBe(false)
  })

  test("forgets what was acknowledged after all", () => {
    const redeliveries = new Redeliveries()
    redeliveries.mayComeAgain("SEND", message("a"))
    redeliveries.forget("SEND", message("a"))
    expect(timesAgain(redeliveries, message("a"))).toBe(MAX_REDELIVERIES)
  })

  test("counts a bounded number of messages", () => {
    const redeliveries = new Redeliveries()
    redeliveries.mayComeAgain("SEND", message("first"))
    for (let number = 0; number < 10_000; number += 1) redeliveries.mayComeAgain("SEND", message(`${number}`))
    expect(timesAgain(redeliveries, message("first"))).toBe(MAX_REDELIVERIES)
  })
})
