import { afterAll, beforeAll } from "bun:test"
import { amqpBroker } from "../../../src/brokers/amqp/broker.ts"
import type { Broker } from "../../../src/brokers/broker.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { type BrokerHarness, brokerContract } from "../../contract/broker.ts"
import { type RabbitmqServer, startRabbitmqServer } from "../../fixtures/rabbitmq-server.ts"

const START_TIMEOUT_MS = 60_000
const EVENTS = ["MESSAGE_CREATE", "TYPING_START", "GATEWAY_GAP"]

let server: RabbitmqServer
let groups = 0
beforeAll(async () => {
  server = await startRabbitmqServer()
}, START_TIMEOUT_MS)
afterAll(() => server.stop())

/** A group of its own for each test, so that none sees what another left. */
async function harness(body: "msgpack" | "json"): Promise<BrokerHarness> {
  groups += 1
  const group = `gateway-${groups}`
  const brokers: Broker[] = []
  const connect = () => {
    const options = { urls: [server.url], group, body, messageTimeoutMs: 60_000, events: EVENTS, logger: silentLogger }
    const broker = amqpBroker(options)
    brokers.push(broker)
    return broker
  }
  return {
    publisher: connect(),
    consumer: async () => connect(),
    stall: () => server.pause(),
    resume: () => server.resume(),
    stop: async () => {
      await Promise.all(brokers.map((broker) => broker.close({ drainWithinMs: 0 })))
    },
  }
}

const traits = { calls: true, redelivers: true, deliversBrokenBodies: true }
brokerContract("AMQP (JSON)", traits, () => harness("json"))
brokerContract("AMQP (MessagePack)", traits, () => harness("msgpack"))
