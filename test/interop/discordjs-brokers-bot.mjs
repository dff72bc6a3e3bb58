// A command handler on @discordjs/core, whose gateway is the PubSubRedisBroker of @discordjs/brokers. It says what it sees,
// a JSON object a line. Usage: node discordjs-brokers-bot.mjs REDIS_URL API_URL

import { PubSubRedisBroker } from "@discordjs/brokers"
import { Client, GatewayDispatchEvents } from "@discordjs/core"
import { REST } from "@discordjs/rest"
import { AsyncEventEmitter } from "@vladfrangu/async_event_emitter"
import Redis from "ioredis"

const [redisUrl, api] = process.argv.slice(2)
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

/** What @discordjs/core asks of a gateway, over the broker. */
class BrokerGateway extends AsyncEventEmitter {
  constructor(broker) {
    super()
    this.broker = broker
  }

  getShardCount() {
    return 1
  }

  async send(shardId, payload) {
    await this.broker.publish("gateway_send", { payload, shardId })
  }

  async init(events) {
    for (const event of events) {
      this.broker.on(event, ({ data: { payload, shardId }, ack }) => {
        void ack()
        this.emit("dispatch", payload, shardId)
      })
    }
    await this.broker.subscribe(events)
  }
}

const broker = new PubSubRedisBroker(new Redis(redisUrl), { group: "djs", name: "worker", blockTimeout: 100 })
broker.on("error", (error) => say({ saw: "error", message: error.message }))
const gateway = new BrokerGateway(broker)
const client = new Client({ rest: new REST({ api }).setToken("simulated"), gateway })

client.on(GatewayDispatchEvents.GuildCreate, ({ data, shardId }) =>
  say({ saw: "event", t: "GUILD_CREATE", shard: shardId, d: data }),
)
client.on(GatewayDispatchEvents.MessageCreate, async ({ data, shardId }) => {
  if (data.content === "!members") {
    const members = await client.requestGuildMembers({ guild_id: data.guild_id, query: "", limit: 0 })
    say({ saw: "members", d: members.members.length })
  }
  say({ saw: "event", t: "MESSAGE_CREATE", shard: shardId, d: data })
})

await gateway.init(["GUILD_CREATE", "MESSAGE_CREATE", "GUILD_MEMBERS_CHUNK", "RATE_LIMITED"])
say({ saw: "ready" })
