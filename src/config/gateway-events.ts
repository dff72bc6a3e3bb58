// What the gateway asks Discord for and what of it is published: intents and events, and whether they fit each other.

import { EVENT_INTENTS, GATEWAY_GAP, isEventName } from "../discord/events.ts"
import { ALL_INTENTS, hasIntent, intentBits } from "../discord/intents.ts"
import type { GatewaySettings } from "./gateway-settings.ts"
import { didYouMean } from "./near-matches.ts"
import type { Report } from "./problem.ts"

const INTENT_BIT_COUNT = 32

/** The bit field for Identify. An empty list is an answer, no list is none. */
export function intentsOf(settings: GatewaySettings, report: Report): number | undefined {
  const { intents, raw_intents: raw } = settings.values
  if (!settings.isGiven("intents") && !settings.isGiven("raw_intents")) {
    report.problem(
      settings.place("intents"),
      'intents are missing: set DISCORD_INTENTS or intents, such as ["GUILDS", "GUILD_MESSAGES"], or raw_intents.',
    )
    return undefined
  }
  const named = intents === undefined ? undefined : intentBits(intents)
  if (raw === undefined || settings.winsOver("intents", "raw_intents")) return named
  if (named !== undefined && named !== raw && settings.origin("intents") === settings.origin("raw_intents")) {
    report.warn(settings.place("intents"), `intents is not used, because raw_intents is set too (${raw}).`)
  }
  const unknown = Array.from({ length: INTENT_BIT_COUNT }, (_, bit) => bit).filter((bit) => isUnknownBit(raw, bit))
  if (unknown.length > 0) {
    report.warn(
      settings.place("raw_intents"),
      `raw_intents sets ${unknown.length === 1 ? "bit" : "bits"} ${unknown.join(", ")}, which Discord does not document: it may refuse them.`,
    )
  }
  return raw
}

function isUnknownBit(bits: number, bit: number): boolean {
  const isSet = Math.floor(bits / 2 ** bit) % 2 === 1
  return isSet && Math.floor(ALL_INTENTS / 2 ** bit) % 2 === 0
}

/** The events to publish, with warnings for those that can never come. */
export function eventsOf(
  settings: GatewaySettings,
  intents: number | undefined,
  report: Report,
): readonly string[] | undefined {
  const { events } = settings.values
  if (!settings.isGiven("events") || events?.length === 0) {
    report.problem(
      settings.place("events"),
      'events are missing: set DISCORD_EVENTS or events to those to publish, such as ["MESSAGE_CREATE"].',
    )
    return undefined
  }
  for (const event of events ?? []) warnOfEvent(event, settings.place("events"), intents, report)
  return events
}

function warnOfEvent(event: string, place: string, intents: number | undefined, report: Report): void {
  if (event === GATEWAY_GAP) return
  if (!isEventName(event)) {
    const known = [...Object.keys(EVENT_INTENTS), GATEWAY_GAP]
    report.warn(place, `${event} is no event that Discord documents.${didYouMean(event, known)}`)
    return
  }
  const needed = EVENT_INTENTS[event]
  if (intents === undefined || needed.length === 0 || needed.some((intent) => hasIntent(intents, intent))) return
  report.warn(place, `${event} never arrives without the intent ${needed.join(" or ")}: add it, or drop the event.`)
}
