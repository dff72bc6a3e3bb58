// What Discord checks of a message that a bot writes.
// Source: Discord's documentation, Message Resource › Create Message, Embed Limits.

import { z } from "zod"
import { invalidField } from "./api-error.ts"

const MAX_EMBED_CHARACTERS = 6_000

const text = (max: number) => z.string().max(max).nullish()
const embed = z.looseObject({
  title: text(256),
  description: text(4_096),
  footer: z.looseObject({ text: z.string().max(2_048) }).nullish(),
  author: z.looseObject({ name: z.string().max(256) }).nullish(),
  fields: z
    .array(z.looseObject({ name: z.string().min(1).max(256), value: z.string().min(1).max(1_024) }))
    .max(25)
    .nullish(),
})
const snowflake = z.union([z.string().regex(/^\d{1,20}$/), z.number().int().transform(String)])

export const messageBody = z.looseObject({
  content: text(2_000),
  nonce: z.union([z.string().max(25), z.number().int()]).nullish(),
  tts: z.boolean().nullish(),
  embeds: z.array(embed).max(10).nullish(),
  components: z.array(z.looseObject({})).max(40).nullish(),
  sticker_ids: z.array(snowflake).max(3).nullish(),
  attachments: z
    .array(z.looseObject({ id: z.union([z.string(), z.number()]).optional(), description: text(1_024) }))
    .max(10)
    .nullish(),
  message_reference: z.looseObject({ message_id: snowflake.optional(), channel_id: snowflake.optional() }).nullish(),
  flags: z.number().int().nullish(),
  poll: z.looseObject({}).nullish(),
})
export type MessageBody = z.output<typeof messageBody>

/** Discord sends nothing that has nothing to show; files are the caller's to look at. */
export function isEmpty(body: object): boolean {
  const { content, embeds, components, sticker_ids, poll } = body as Partial<MessageBody>
  const lists = [embeds, components, sticker_ids]
  return !content?.trim() && lists.every((list) => (list?.length ?? 0) === 0) && (poll ?? null) === null
}

/** @throws ApiError 50035 when the embeds are too long together. */
export function checkEmbeds({ embeds }: MessageBody): void {
  let characters = 0
  for (const one of embeds ?? []) {
    characters += (one.title?.length ?? 0) + (one.description?.length ?? 0) + (one.footer?.text.length ?? 0)
    characters += one.author?.name.length ?? 0
    for (const { name, value } of one.fields ?? []) characters += name.length + value.length
  }
  if (characters > MAX_EMBED_CHARACTERS)
    throw invalidField(
      ["embeds"],
      "MAX_EMBED_SIZE_EXCEEDED",
      `Embed size exceeds maximum size of ${MAX_EMBED_CHARACTERS}`,
    )
}
