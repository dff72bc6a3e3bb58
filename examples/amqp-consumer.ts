// A command handler over RabbitMQ: prints messages. The gateway runs with broker.type = "amqp"; its JSON is read as it is.
//   bun examples/amqp-consumer.ts [amqp://localhost]

import { Amqp } from "spectacles/brokers"

const broker = new Amqp("gateway")
broker.on("close", (error) => console.error(`RabbitMQ is away, trying again: ${error}`))
await broker.connect(process.argv[2] ?? "amqp://localhost")

process.once("SIGTERM", () => broker.close())
process.once("SIGINT", () => broker.close())

for await (const { event, data, ack } of broker.consume(["MESSAGE_CREATE", "MESSAGE_DELETE"])) {
  console.log(event, event === "MESSAGE_CREATE" ? data.content : data.id)
  await ack()
}
