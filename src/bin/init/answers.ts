// What `spectacles init` needs to know, and the gateway.toml that it comes to.

import { stringify } from "@iarna/toml"
import { EVENT_INTENTS, isEventName } from "../../discord/events.ts"
import type { Intent } from "../../discord/intents.ts"

export const BROKERS = ["stdio", "redis", "amqp"] as const
export type Broker = (typeof BROKERS)[number]

export interface Answers {
  readonly token: string
  readonly events: readonly string[]
  readonly intents: readonly string[]
  readonly broker: Broker
  /** Where the broker is; absent for stdio. */
  readonly url?: string
}

export const DEFAULT_EVENTS = ["MESSAGE_CREATE", "INTERACTION_CREATE"] as const
export const DEFAULT_URLS: Readonly<Record<Broker, string | undefined>> = {
  stdio: undefined,
  redis: "redis://localhost:6379",
  amqp: "amqp://localhost:5672",
}

/** The folder that sessions are kept in where there is no Redis to keep them. */
const SESSIONS = "sessions"

/**
 * The intents that these events come with: of several that bring an event, the first, which is that of guilds. GUILDS is
 * always among them, since without it a bot does not know its guilds.
 */
export function intentsFor(events: readonly string[]): Intent[] {
  const needed = events.flatMap((event) => (isEventName(event) ? EVENT_INTENTS[event].slice(0, 1) : []))
  return [...new Set<Intent>(["GUILDS", ...needed])]
}

/** Sessions outlive the process in any case, so that a restart resumes. */
export function gatewayToml({ token, events, intents, broker, url }: Answers): string {
  const place = url === undefined ? {} : { [broker]: { url } }
  const store = broker === "redis" ? { type: "redis" } : { type: "file", path: SESSIONS }
  const text = stringify({
    token,
    events: [...events],
    intents: [...intents],
    broker: { type: broker },
    ...place,
    shard_store: store,
  })
  return `# Written by spectacles init; docs/configuration.md has every setting. It holds the token: keep it to yourself.\n${text}`
}
