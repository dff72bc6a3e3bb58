// Prints the members of a guild. The gateway publishes GUILD_MEMBERS_CHUNK and RATE_LIMITED; the bot has the
// GUILD_MEMBERS intent.
//   bun examples/members.ts GUILD_ID [redis://localhost:6379]

import { Redis as RedisClient } from "ioredis"
import { Redis } from "spectacles/brokers"
import { GatewayClient } from "spectacles/gateway-client"

const [guildId = "", url = "redis://localhost:6379"] = process.argv.slice(2)
const redis = new RedisClient(url)
const broker = new Redis("members", redis)
const gateway = new GatewayClient(broker)

for await (const { user, nick } of gateway.requestGuildMembers({ guildId })) console.log(nick ?? user.username)

await gateway.close()
await broker.close()
redis.disconnect()
