// A bot on @discordjs/ws under Node, which says on standard output what it sees, a JSON object a line.
// Usage: node discordjs-ws-bot.mjs API_URL none|zlib-native

import { REST } from "@discordjs/rest"
import { CompressionMethod, WebSocketManager, WebSocketShardEvents } from "@discordjs/ws"

const [api, compression] = process.argv.slice(2)
const ALL_INTENTS = 53_608_447

const manager = new WebSocketManager({
  token: "simulated",
  intents: ALL_INTENTS,
  compression: compression === "zlib-native" ? CompressionMethod.ZlibNative : null,
  rest: new REST({ api }).setToken("simulated"),
})

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

manager.on(WebSocketShardEvents.Ready, (data, shardId) =>
  say({ saw: "ready", shard: shardId, session: data.session_id }),
)
manager.on(WebSocketShardEvents.Resumed, (shardId) => say({ saw: "resumed", shard: shardId }))
manager.on(WebSocketShardEvents.HeartbeatComplete, (_, shardId) => say({ saw: "ack", shard: shardId }))
manager.on(WebSocketShardEvents.Dispatch, (payload, shardId) =>
  say({ saw: "event", shard: shardId, t: payload.t, s: payload.s, d: payload.d }),
)
manager.on(WebSocketShardEvents.Error, (error) => say({ saw: "error", message: error.message }))

process.once("SIGTERM", () => manager.destroy().then(() => process.exit(0)))

await manager.connect()
