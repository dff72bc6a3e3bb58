import { Redis } from "@spectacles/brokers"
import RedisClient from "ioredis"

const client = new RedisClient()
const broker = new Redis("gateway", client)

broker.on("MESSAGE_CREATE", async (msg, { ack }) => {
  await ack()
  console.log(msg)
})

broker.subscribe("MESSAGE_CREATE")
