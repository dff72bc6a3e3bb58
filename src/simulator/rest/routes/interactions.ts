// The first response to an interaction.
// Source: Discord's documentation, Receiving and Responding › Create Interaction Response.

import { z } from "zod"
import type { Message } from "../../corpus/message.ts"
import type { Answer } from "../answer.ts"
import { NOTHING, ok } from "../answer.ts"
import { invalidField } from "../api-error.ts"
import type { Call } from "../call.ts"
import { editMessage } from "../compose.ts"
import type { RestContext } from "../context.ts"
import { messageBody } from "../message-body.ts"
import { type Route, route } from "../route.ts"
import type { Interaction } from "../state/interactions.ts"
import { writeResponse } from "./follow-ups.ts"

const CALLBACK = {
  pong: 1,
  message: 4,
  deferredMessage: 5,
  deferredUpdate: 6,
  update: 7,
  autocomplete: 8,
  modal: 9,
} as const
const KNOWN_TYPES: readonly number[] = [...Object.values(CALLBACK), 10, 12]

const callbackBody = z.looseObject({ type: z.number().int(), data: z.unknown().optional() })

export const interactionRoutes: readonly Route[] = [
  route("POST /interactions/:interaction/:token/callback", respond, "open"),
]

function respond(call: Call, context: RestContext): Answer {
  const { type, data } = call.json(callbackBody)
  if (!KNOWN_TYPES.includes(type))
    throw invalidField(["type"], "BASE_TYPE_CHOICES", `Value must be one of {${KNOWN_TYPES.join(", ")}}.`)
  const body = type === CALLBACK.message || type === CALLBACK.update ? messageOf(data) : undefined
  const interaction = context.interactions.unanswered(call.id("interaction"), call.text("token"))
  const message = body && write(call, context, interaction, type, body)
  context.interactions.acknowledge(interaction.token, type)
  if (message !== undefined) context.interactions.setOriginal(interaction.token, message.id)
  if (call.query().get("with_response") !== "true") return NOTHING
  return ok({
    interaction: {
      id: interaction.id,
      type: interaction.type,
      ...(message === undefined ? {} : { response_message_id: message.id }),
      response_message_loading: type === CALLBACK.deferredMessage,
      response_message_ephemeral: false,
    },
    resource: { type, ...(message === undefined ? {} : { message }) },
  })
}

function write(
  call: Call,
  context: RestContext,
  interaction: Interaction,
  type: number,
  body: z.output<typeof messageBody>,
): Message | undefined {
  if (type === CALLBACK.message) return writeResponse(call, context, interaction, body)
  const { messageId, channelId } = interaction
  const stored = messageId === null ? undefined : context.messages.find(channelId, messageId)
  return stored && editMessage(call, context, context.directory.place(channelId), stored, body)
}

function messageOf(data: unknown): z.output<typeof messageBody> {
  const parsed = messageBody.safeParse(data ?? {})
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalidField(["data", ...(issue?.path ?? [])], "BASE_TYPE_BAD_LENGTH", issue?.message ?? "Wrong.")
}
