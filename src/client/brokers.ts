// `spectacles/brokers`: what a command handler talks to the gateway and to other services with, on Bun and on Node.

export { Amqp, type AmqpOptions } from "./amqp/amqp.ts"
export type { AmqpResponseOptions } from "./amqp/listeners.ts"
export { decode, encode } from "./body.ts"
export { Broker, type Deserialize, type Options, type ResponseOptions, type Serialize } from "./broker.ts"
export type { EventData, GatewayEvents, GatewayGap } from "./events.ts"
export type { CloseOptions, ConsumeOptions, DeadLetter, Message, MessageOf, WatchedOf } from "./message.ts"
export type { RedisClient } from "./redis/client.ts"
export { type PublishOptions, Redis, type RedisOptions, type RedisResponseOptions } from "./redis/redis.ts"
export { CallTimeoutError } from "./replies.ts"
