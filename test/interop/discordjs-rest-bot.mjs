// A bot that only speaks REST, on @discordjs/rest under Node. Says on standard output what it sees, a JSON object a line.
// Usage: node discordjs-rest-bot.mjs API_URL CHANNEL_ID work|burst|rename

import { REST, RESTEvents } from "@discordjs/rest"
import { Routes } from "discord-api-types/v10"

const [api, channel, task] = process.argv.slice(2)
const rest = new REST({ api, retries: 3 }).setToken("simulated")
const say = (saw, d) => process.stdout.write(`${JSON.stringify({ saw, d })}\n`)

rest.on(RESTEvents.RateLimited, (limit) => say("limited", limit))
rest.on(RESTEvents.Response, (_, response) => response.status === 429 && say("refused", { status: response.status }))

/** Every kind of thing a bot does to a message. */
async function work() {
  const sent = await rest.post(Routes.channelMessages(channel), { body: { content: "hello “discord.js” 👍" } })
  await rest.patch(Routes.channelMessage(channel, sent.id), { body: { content: "edited" }, reason: "a gründ" })
  await rest.put(Routes.channelMessageOwnReaction(channel, sent.id, encodeURIComponent("👍")))
  const read = await rest.get(Routes.channelMessage(channel, sent.id))
  say("message", { content: read.content, reactions: read.reactions.map(({ count, me }) => ({ count, me })) })
  const data = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 256))
  const upload = await rest.post(Routes.channelMessages(channel), {
    body: { content: "a file", attachments: [{ id: "0", description: "bytes" }] },
    files: [{ name: "bytes.bin", data, contentType: "application/octet-stream" }],
  })
  const [attachment] = upload.attachments
  const file = Buffer.from(await (await fetch(attachment.url)).arrayBuffer())
  say("file", { whole: file.equals(data), description: attachment.description })
  await rest.delete(Routes.channelMessage(channel, sent.id), { reason: "done" })
  const error = await rest.get(Routes.channelMessage(channel, sent.id)).catch((reason) => reason)
  say("error", { code: error.code, status: error.status, message: error.message })
  const empty = await rest
    .post(Routes.channelMessages(channel), { body: { content: "x".repeat(2_001) } })
    .catch((reason) => reason)
  say("error", { code: empty.code, status: empty.status, message: empty.message })
  const users = await Promise.all(
    ["1", "2"].map((limit) => rest.get(Routes.userGuilds(), { query: new URLSearchParams({ limit }) })),
  )
  say(
    "guilds",
    users.map((guilds) => guilds.length),
  )
}

/** More than a bucket holds, at once: @discordjs/rest waits for the next window. */
async function burst() {
  const contents = Array.from({ length: 12 }, (_, index) => `message ${index}`)
  await Promise.all(contents.map((content) => rest.post(Routes.channelMessages(channel), { body: { content } })))
}

/** More renames than the limit hidden in the bucket allows: a 429, then the wait that it says. */
async function rename() {
  for (const name of ["one", "two", "three"]) await rest.patch(Routes.channel(channel), { body: { name } })
}

try {
  await { work, burst, rename }[task]()
  say("done")
} catch (error) {
  say("failed", String(error))
}
process.exit(0)
