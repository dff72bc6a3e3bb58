// What the routes work on: the simulated world and what bots have made in it.

import type { Clock } from "../../flow/clock.ts"
import type { World } from "../corpus/world.ts"
import type { IdentifyBudget } from "../gateway/identify-budget.ts"
import type { Attachments } from "./state/attachments.ts"
import type { Bans } from "./state/bans.ts"
import type { ApplicationCommands } from "./state/commands.ts"
import type { Directory } from "./state/directory.ts"
import type { NewId } from "./state/ids.ts"
import type { Interactions } from "./state/interactions.ts"
import type { Messages } from "./state/messages.ts"
import type { Webhooks } from "./state/webhooks.ts"

/** Dispatches an event on every session whose shard and intents it is for. One with a `guild_id` is its guild's. */
export type Emit = (t: string, d: object) => void

export interface RestContext {
  readonly world: World
  readonly clock: Clock
  /** What `/gateway/bot` recommends. */
  readonly shards: number
  readonly budget: IdentifyBudget
  /** The gateway's URL for a client that came by this host name. */
  readonly gatewayUrl: (host: string) => string
  readonly newId: NewId
  readonly emit: Emit
  readonly directory: Directory
  readonly messages: Messages
  readonly attachments: Attachments
  readonly webhooks: Webhooks
  readonly interactions: Interactions
  readonly commands: ApplicationCommands
  readonly bans: Bans
  /** Guilds whose messages were searched before. */
  readonly searched: Set<string>
}
