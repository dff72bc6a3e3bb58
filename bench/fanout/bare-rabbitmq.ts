// What RabbitMQ takes from a bare client that publishes the same events with confirms.

import { type ChannelModel, type ConfirmChannel, connect } from "amqplib"
import { sessionBytes } from "../../src/brokers/amqp/frames.ts"
import { type Confirm, openLane } from "../../src/brokers/amqp/lane.ts"
import { CONTENT_TYPES, Heads } from "../../src/brokers/amqp/message.ts"
import { Topology } from "../../src/brokers/amqp/topology.ts"
import { corpus } from "../../src/simulator/corpus/corpus.ts"
import { startRabbitmqServer } from "../../test/fixtures/rabbitmq-server.ts"
import { measure, type Sample } from "../benchmark.ts"
import { BURST_EVENTS, measureBursts, SMOKE_EVENTS } from "../feed/bursts.ts"
import { BATCH_EVENTS, GROUP, MESSAGE_TIMEOUT_MS, RABBITMQ_BURST, WINDOW_EVENTS } from "./settings.ts"

const SEED = 1

/** Publishes 64 events at a time and calls `confirm` for each. */
type PublishSome = (confirm: Confirm) => void

/** With frames that are finished before the clock runs, or through amqplib's own publish. */
export async function runBareRabbitmqClient(smoke: boolean, way: "finished frames" | "amqplib"): Promise<Sample> {
  const server = await startRabbitmqServer()
  const connection = await connect(server.url, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  const messages = [...corpus({ seed: SEED, count: smoke ? SMOKE_EVENTS : BURST_EVENTS })].map(({ t, d }) => ({
    event: t,
    content: Buffer.from(JSON.stringify(d)),
  }))
  await new Topology(GROUP).declare(channel, new Set(messages.map(({ event }) => event)))
  const publishSome = (way === "amqplib" ? amqplibsPublish : finishedFrames)(connection, channel, messages)
  const sample = await measureBursts(
    smoke,
    async (count) => () => measure(() => publishWindowed(publishSome, count)),
    RABBITMQ_BURST,
  )
  await connection.close()
  await server.stop()
  return sample
}

interface Event {
  readonly event: string
  readonly content: Buffer
}

/** Frames that are finished before the clock runs: nothing is left to do but to send them. */
function finishedFrames(
  connection: ChannelModel,
  channel: ConfirmChannel,
  events: readonly Event[],
): (batch: number) => PublishSome {
  const lane = openLane({ connection, channel, onDrain: () => {} })
  const heads = new Heads(GROUP, "json", MESSAGE_TIMEOUT_MS)
  const id = { session: sessionBytes("0123456789abcdef0123456789abcdef"), sequence: 0 }
  const batches: Buffer[] = []
  for (let first = 0; first + BATCH_EVENTS <= events.length; first += BATCH_EVENTS) {
    const messages = events.slice(first, first + BATCH_EVENTS).map(({ event, content }, index) => {
      const frames = heads.of(event, lane)
      const out = Buffer.alloc(frames.maxBytes(content.length))
      return out.subarray(0, frames.write(out, 0, { ...id, sequence: first + index }, content, 0, content.length))
    })
    batches.push(Buffer.concat(messages))
  }
  return (batch) => (confirm) => {
    lane.send(batches[batch % batches.length] ?? Buffer.alloc(0), BATCH_EVENTS, confirm)
  }
}

function amqplibsPublish(
  _connection: ChannelModel,
  channel: ConfirmChannel,
  events: readonly Event[],
): (batch: number) => PublishSome {
  const properties = {
    contentType: CONTENT_TYPES.json,
    persistent: true,
    mandatory: true,
    expiration: String(MESSAGE_TIMEOUT_MS),
    messageId: "",
  }
  return (batch) => (confirm) => {
    for (let index = 0; index < BATCH_EVENTS; index += 1) {
      const number = batch * BATCH_EVENTS + index
      const message = events[number % events.length]
      properties.messageId = `0123456789abcdef0123456789abcdef:${number}`
      if (message !== undefined) channel.publish(GROUP, message.event, message.content, properties, confirm)
    }
  }
}

/** At least `count` events, whole batches, with no more than a shard's window unconfirmed. */
function publishWindowed(publish: (batch: number) => PublishSome, count: number): Promise<number> {
  const batches = Math.ceil(count / BATCH_EVENTS)
  const total = batches * BATCH_EVENTS
  return new Promise((resolve, reject) => {
    let sent = 0
    let confirmed = 0
    const onConfirm: Confirm = (error) => {
      if (error !== null) return reject(error)
      confirmed += 1
      if (confirmed === total) return resolve(total)
      if (sent - confirmed === WINDOW_EVENTS / 2) fill()
    }
    const fill = () => {
      for (; sent < total && sent - confirmed < WINDOW_EVENTS; sent += BATCH_EVENTS)
        publish(sent / BATCH_EVENTS)(onConfirm)
    }
    fill()
  })
}
