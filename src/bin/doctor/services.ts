// Checks of what the gateway writes to: the broker, and where sessions are kept.

import { accessSync, constants, existsSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { AmqpConnection } from "../../brokers/amqp/connection.ts"
import { ASK_WITHIN_MS, isCluster } from "../../brokers/redis/mode.ts"
import { redisValues } from "../../brokers/redis/values.ts"
import type { AmqpConfig, GatewayConfig, RedisConfig } from "../../config/gateway-config.ts"
import { systemClock } from "../../flow/clock.ts"
import { silentLogger } from "../../ops/log.ts"
import { bad, doubtful, type Finding, good } from "./finding.ts"

/** For the first of several hosts that answers; one alone is dialled once. */
const HOSTS_WITHIN_MS = 5_000
/** Nothing is kept there: a value that is not is an answer, too. */
const KEY = "spectacles:doctor"

export async function brokerFinding({ broker }: GatewayConfig): Promise<Finding> {
  switch (broker.type) {
    case "stdio":
      return good("broker", "standard output: nothing to reach")
    case "redis":
      return redisFinding("broker", broker.redis)
    case "amqp":
      return amqpFinding(broker.amqp)
  }
}

export async function sessionStoreFinding({ shardStore, broker }: GatewayConfig): Promise<Finding> {
  switch (shardStore.type) {
    case "memory":
      return doubtful(
        "session store",
        "memory: every restart identifies anew, of which there are 1,000 a day, and loses what came meanwhile",
        'Set shard_store.type to "file" or "redis".',
      )
    case "file":
      return folderFinding(shardStore.path)
    case "redis":
      if (broker.type === "redis") return good("session store", "in the broker's Redis: see there")
      return redisFinding("session store", shardStore.redis)
  }
}

async function redisFinding(subject: string, { urls, ca }: RedisConfig): Promise<Finding> {
  const location = { urls: urls.map((url) => url.reveal()), ...(ca === undefined ? {} : { ca }) }
  const shown = urls.map(String).join(", ")
  try {
    const signal = new AbortController().signal
    const cluster = await isCluster(location, {
      ...{ clock: systemClock, random: Math.random, log: silentLogger },
      withinMs: ASK_WITHIN_MS,
      signal,
    })
    const values = redisValues({ ...location, isCluster: cluster, log: silentLogger })
    try {
      await values.get(KEY)
    } finally {
      await values.close()
    }
    return good(subject, `Redis answers at ${shown}${cluster ? ", a cluster" : ""}`)
  } catch (error) {
    return bad(subject, sentenceOf(error), "Start Redis, or correct redis.url (REDIS_URL).")
  }
}

async function amqpFinding({ urls, ca }: AmqpConfig): Promise<Finding> {
  const { promise, resolve: settle } = Promise.withResolvers<Finding>()
  const connection = new AmqpConnection({
    name: "spectacles doctor",
    urls: urls.map((url) => url.reveal()),
    ...(ca === undefined ? {} : { ca }),
    firstWithinMs: urls.length === 1 ? 0 : HOSTS_WITHIN_MS,
    clock: systemClock,
    random: Math.random,
    log: silentLogger,
    on: {
      up: async () => settle(good("broker", `RabbitMQ answers at ${urls.map(String).join(", ")}`)),
      down: () => {},
      blocked: (reason) => settle(bad("broker", `RabbitMQ takes nothing: ${reason}`, "Free its memory or disk.")),
      failed: ({ message }) => settle(bad("broker", message, "Start RabbitMQ, or correct amqp.url (AMQP_URL).")),
    },
  })
  connection.start()
  const finding = await promise
  await connection.close()
  return finding
}

/** The folder is made when it is missing, so the one above has to be there. */
function folderFinding(path: string): Finding {
  const folder = resolve(path)
  const checked = existsSync(folder) ? folder : dirname(folder)
  try {
    accessSync(checked, constants.W_OK | constants.X_OK)
    return good("session store", `the folder ${path}`)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
    return bad(
      "session store",
      `nothing can be written to ${checked} (${code})`,
      "Correct shard_store.path or the folder's rights.",
    )
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
