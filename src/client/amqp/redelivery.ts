// Messages that failed. RabbitMQ does not count deliveries of a classic queue, so a failed message is published again
// with its count in a header, and then the first one is acknowledged: it may be there twice, never not.

import type { ConfirmChannel, ConsumeMessage, Options } from "amqplib"

/** How often the message was given out before. */
const ATTEMPTS_HEADER = "x-attempts"

/** Which delivery of the message this is, from 1. */
export function attemptOf({ properties }: ConsumeMessage): number {
  const earlier: unknown = properties.headers?.[ATTEMPTS_HEADER]
  return typeof earlier === "number" ? earlier + 1 : 1
}

/** Publishes a message again, one more delivery counted. Resolves once RabbitMQ has it. */
export function publishAgain(channel: ConfirmChannel, queue: string, message: ConsumeMessage): Promise<void> {
  return confirmed(channel, queue, message.content, {
    ...copied(message),
    headers: { ...message.properties.headers, [ATTEMPTS_HEADER]: attemptOf(message) },
  })
}

/** Moves a message to the dead letters. Resolves once RabbitMQ has it. */
export async function setAside(channel: ConfirmChannel, queue: string, message: ConsumeMessage): Promise<void> {
  await channel.assertQueue(queue)
  // A dead letter lies until somebody looks at it.
  const { expiration: _, ...properties } = copied(message)
  const headers = { ...message.properties.headers, [ATTEMPTS_HEADER]: attemptOf(message) }
  await confirmed(channel, queue, message.content, { ...properties, headers })
}

function copied({ properties }: ConsumeMessage): Options.Publish {
  const { contentType, contentEncoding, correlationId, replyTo, messageId, timestamp, type, expiration } = properties
  const all = { contentType, contentEncoding, correlationId, replyTo, messageId, timestamp, type, expiration }
  const present = Object.entries(all).filter(([, value]) => value !== undefined)
  return { ...Object.fromEntries(present), persistent: properties.deliveryMode !== 1 }
}

function confirmed(channel: ConfirmChannel, queue: string, body: Buffer, options: Options.Publish): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.sendToQueue(queue, body, options, (error: unknown) => (error ? reject(error) : resolve()))
  })
}
