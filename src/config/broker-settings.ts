// The gateway's settings of its servers: the broker, Redis, AMQP, and where sessions are kept.

import { formatDuration } from "./duration.ts"
import { redisUrl, redisUrls } from "./redis-url.ts"
import { optional, setting } from "./settings.ts"
import { choice, duration, integer, list, serviceUrl, text } from "./values.ts"

const MAX_POOL_SIZE = 1_000
const MAX_REPLICAS = 16
const MAX_STREAM_LENGTH = 2 ** 31

const AMQP_URL = serviceUrl(["amqp", "amqps"], "amqp://localhost:5672")

export const BROKER_SETTINGS = {
  "broker.type": setting({
    about: "`redis`, `amqp`, or `stdio` (also when empty): standard output and input.",
    variables: ["BROKER_TYPE"],
    schema: choice(["stdio", "redis", "amqp"]),
    fallback: "stdio",
  }),
  "broker.group": setting({
    about: "The exchange on AMQP, the consumer group on Redis.",
    variables: ["BROKER_GROUP"],
    schema: text("write a name."),
    fallback: "gateway",
  }),
  "broker.message_timeout": setting({
    about: "How long a message may wait for a consumer, on AMQP.",
    variables: ["BROKER_MESSAGE_TIMEOUT"],
    schema: duration(),
    fallback: "2m",
    print: formatDuration,
  }),
  "broker.format": optional({
    isOwn: true,
    otherwise: "by type",
    about:
      "`json`, `msgpack`, or `discordjs` (Redis only: what `@discordjs/brokers` reads). By default `msgpack` on Redis, else `json`.",
    variables: ["BROKER_FORMAT"],
    schema: choice(["json", "msgpack", "discordjs"]),
  }),
  "redis.url": optional({
    about:
      "The Redis server: `redis://`, `rediss://`, or `localhost:6379`; or the sentinels that know it, `redis+sentinel://one:26379,two:26379/mymaster`. Needed when something is kept in Redis.",
    variables: [],
    sharesVariablesOf: "redis.urls",
    schema: redisUrl(),
    print: String,
  }),
  "redis.urls": optional({
    about:
      "Several servers, which are a cluster: a list, or separated by commas in the variable. One alone may be a cluster's too: it is asked. Not beside `redis.url`.",
    variables: ["REDIS_URL"],
    schema: redisUrls(),
    print: (urls) => urls?.map(String),
  }),
  "redis.ca_file": optional({
    isOwn: true,
    about:
      "The certificate, in PEM, of the authority that has signed those of the servers, for `rediss://`. Without it, the system's authorities are trusted.",
    variables: ["REDIS_CA_FILE"],
    schema: text("write the path of a file."),
  }),
  "redis.pool_size": setting({
    about: "How many connections may wait for packets at once. Publishing has one of its own for each server.",
    variables: ["REDIS_POOL_SIZE"],
    schema: integer(1, MAX_POOL_SIZE),
    fallback: 5,
  }),
  "redis.replicas": setting({
    isOwn: true,
    about: "How many replicas must have an event before it counts as received, so that a failover loses none.",
    variables: ["REDIS_REPLICAS"],
    schema: integer(0, MAX_REPLICAS),
    fallback: 0,
  }),
  "redis.retention": setting({
    isOwn: true,
    about: "How long Redis keeps an event for consumers that have not read it.",
    variables: ["REDIS_RETENTION"],
    schema: duration(),
    fallback: "1h",
    print: formatDuration,
  }),
  "redis.max_length": optional({
    isOwn: true,
    about: "Keeps about so many events of each name instead, however old they are. Not beside `redis.retention`.",
    variables: ["REDIS_MAX_LENGTH"],
    schema: integer(1, MAX_STREAM_LENGTH),
  }),
  "amqp.url": optional({
    about:
      "The AMQP server: `amqp://`, `amqps://`, or `localhost:5672`; several hosts of one cluster are separated by commas, each with its own user, password and virtual host, and tried in turn. Needed when `broker.type` is `amqp`.",
    variables: ["AMQP_URL"],
    schema: list(AMQP_URL, 'write a URL, or several with commas: "amqp://one:5672,amqp://two:5672".'),
    print: (urls) => urls?.map(String).join(","),
  }),
  "amqp.ca_file": optional({
    isOwn: true,
    about: "As `redis.ca_file`, for `amqps://`.",
    variables: ["AMQP_CA_FILE"],
    schema: text("write the path of a file."),
  }),
  "shard_store.type": setting({
    about: "Where sessions are kept: `memory`, `redis`, or `file` +. Only the last two let a restarted gateway resume.",
    variables: ["SHARD_STORE_TYPE"],
    schema: choice(["memory", "redis", "file"]),
    fallback: "memory",
  }),
  "shard_store.prefix": setting({
    about: "What the keys in Redis begin with: shard 3's session is JSON under `gateway:3`.",
    variables: ["SHARD_STORE_PREFIX"],
    schema: text("write a name."),
    fallback: "gateway",
  }),
  "shard_store.path": optional({
    isOwn: true,
    about: "The folder, when `shard_store.type` is `file`: one file a shard.",
    variables: ["SHARD_STORE_PATH"],
    schema: text("write the path of a folder."),
  }),
} as const
