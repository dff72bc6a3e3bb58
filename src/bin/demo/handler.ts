// The demo's command handler, as small as one can be: answers `/ping` and `!ping`. It takes events from the broker and talks
// to Discord through the proxy alone, so it holds no token and knows no limits. Start as many of it as you like.

import type {
  APIApplicationCommandInteraction,
  APIMessage,
  RESTGetCurrentApplicationResult,
} from "discord-api-types/v10"
import type { Broker, Delivery } from "../../brokers/broker.ts"
import type { Logger } from "../../ops/log.ts"

const MESSAGE = 4
const PING = { name: "ping", description: "Says pong" }

export interface HandlerOptions {
  readonly broker: Broker
  /** `http://127.0.0.1:8080` */
  readonly proxy: string
  readonly log: Logger
}

/** Registers its command, then answers until `signal` aborts. */
export async function handleCommands({ broker, proxy, log }: HandlerOptions, signal: AbortSignal): Promise<void> {
  const rest = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const headers = { "content-type": "application/json" }
    const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) }
    const response = await fetch(`${proxy}/api/v10${path}`, { method, signal, ...sent })
    if (!response.ok) throw new Error(`Cannot ${method} ${path}: ${response.status} ${await response.text()}`)
    return response.status === 204 ? undefined : response.json()
  }

  const answer = async (delivery: Delivery): Promise<void> => {
    if (delivery.event === "INTERACTION_CREATE") {
      const { id, token, data } = delivery.data() as APIApplicationCommandInteraction
      const pong = { type: MESSAGE, data: { content: "Pong!" } }
      if (data.name === PING.name) await rest("POST", `/interactions/${id}/${token}/callback`, pong)
    } else {
      const { id, channel_id, content } = delivery.data() as APIMessage
      const pong = { content: "Pong!", message_reference: { message_id: id } }
      if (content === "!ping") await rest("POST", `/channels/${channel_id}/messages`, pong)
    }
    await delivery.ack()
  }

  const { id } = (await rest("GET", "/applications/@me")) as RESTGetCurrentApplicationResult
  await rest("PUT", `/applications/${id}/commands`, [PING])
  // Each on its own: one that waits for its limit keeps nobody else waiting.
  for await (const delivery of broker.consume(["INTERACTION_CREATE", "MESSAGE_CREATE"], signal)) {
    answer(delivery).catch((error: unknown) => signal.aborted || log.error({ err: error }, "a command failed"))
  }
}
