// Which of the bot's shards the configuration gives to this process.

import { MAX_SHARDS } from "./discord-values.ts"
import { formatDuration } from "./duration.ts"
import type { LeaseConfig, ShardsConfig } from "./gateway-config.ts"
import type { GatewaySettings } from "./gateway-settings.ts"
import type { Report } from "./problem.ts"

/** A few beats and answers must fit in, also to a Redis that is far away. */
const LEAST_LEASE_MS = 1_000
/** Discord keeps a session for a few minutes: whoever takes a shard over must come before that. */
const MOST_LEASE_MS = 60_000

/** Timers are no finer. */
const LEAST_SKEW_MS = 100
/** What is held back for five times as long has to fit in memory. */
const MOST_SKEW_MS = 60_000

export function shardsOf(settings: GatewaySettings, report: Report): ShardsConfig {
  const shards = fixedShardsOf(settings, report)
  if (settings.values["shards.ownership"] === "config") {
    if (settings.values["shards.count"] === "auto") {
      report.problem(
        settings.place("shards.count"),
        'shards.count is "auto", which needs shards.ownership "redis": write 0 for as many as Discord recommends.',
      )
    }
    return shards
  }
  return { ...shards, leases: leasesOf(settings, report) }
}

function leasesOf(settings: GatewaySettings, report: Report): LeaseConfig {
  const { values } = settings
  const leaseMs = values["shards.lease"]
  if (leaseMs < LEAST_LEASE_MS || leaseMs > MOST_LEASE_MS) {
    report.problem(
      settings.place("shards.lease"),
      `shards.lease is ${formatDuration(leaseMs)}: write a duration from ${formatDuration(LEAST_LEASE_MS)} to ${formatDuration(MOST_LEASE_MS)}.`,
    )
  }
  const reshardSkewMs = values["shards.reshard_skew"]
  if (reshardSkewMs < LEAST_SKEW_MS || reshardSkewMs > MOST_SKEW_MS) {
    report.problem(
      settings.place("shards.reshard_skew"),
      `shards.reshard_skew is ${formatDuration(reshardSkewMs)}: write a duration from ${formatDuration(LEAST_SKEW_MS)} to ${formatDuration(MOST_SKEW_MS)}.`,
    )
  }
  const ownership = 'shards.ownership is "redis"'
  if (values["shard_store.type"] !== "redis" && !settings.isRejected("shard_store.type")) {
    report.problem(
      settings.place("shards.ownership"),
      `${ownership}, which needs shard_store.type "redis", but that is "${values["shard_store.type"]}".`,
    )
  }
  if (values["identify.queue"] === "memory") {
    report.problem(
      settings.place("identify.queue"),
      `${ownership}, which needs identify.queue "redis", but that is "memory": leave it out.`,
    )
  }
  if (values["broker.type"] === "stdio") {
    report.problem(
      settings.place("shards.ownership"),
      `${ownership}, which needs a broker that processes share, but broker.type is "stdio": use "redis" or "amqp".`,
    )
  }
  if (values["shards.ids"] !== undefined && values["shards.ids"].length > 0) {
    report.problem(
      settings.place("shards.ids"),
      `shards.ids fixes shards and ${ownership}, which shares them out: keep one of the two.`,
    )
  }
  const { "shards.weight": weight, "shards.max": capacity = MAX_SHARDS, "shards.max_load": maxLoad } = values
  const limits = { capacity, ...(maxLoad === undefined ? {} : { maxLoad }) }
  return { leaseMs, weight, ...limits, isAuto: values["shards.count"] === "auto", reshardSkewMs }
}

function fixedShardsOf(settings: GatewaySettings, report: Report): ShardsConfig {
  const given = settings.values["shards.count"]
  const count = given === "auto" ? 0 : given
  const ids = settings.values["shards.ids"]
  // The original took a count of 0 and an empty list as not set.
  const isCounted = count > 0
  if (ids === undefined || ids.length === 0) return isCounted ? { count } : {}
  if (!isCounted) {
    if (!settings.isRejected("shards.count")) {
      report.problem(
        settings.place("shards.ids"),
        "shards.ids needs shards.count: set it to the number of the bot's shards over all processes.",
      )
    }
    return { ids }
  }
  const tooLarge = ids.find((id) => id >= count)
  if (tooLarge !== undefined) {
    report.problem(
      settings.place("shards.ids"),
      `shards.ids holds ${tooLarge} but shards.count is ${count}: every id must be smaller than the count.`,
    )
  }
  return { count, ids }
}
