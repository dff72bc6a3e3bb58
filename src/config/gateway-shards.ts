// Which of the bot's shards the configuration gives to this process.

import type { ShardsConfig } from "./gateway-config.ts"
import type { GatewaySettings } from "./gateway-settings.ts"
import type { Report } from "./problem.ts"

export function shardsOf(settings: GatewaySettings, report: Report): ShardsConfig {
  const count = settings.values["shards.count"]
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
