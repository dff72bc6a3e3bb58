// The REST side of the simulator put together, and what can be asked of it while it runs.

import type { Clock } from "../../flow/clock.ts"
import type { Message } from "../corpus/message.ts"
import type { Random } from "../corpus/random.ts"
import type { World } from "../corpus/world.ts"
import type { Faults } from "../faults/faults.ts"
import type { SharedLimitFault } from "../faults/rest-fault.ts"
import type { Credentials } from "../gateway/credentials.ts"
import type { IdentifyBudget } from "../gateway/identify-budget.ts"
import type { AnyDispatch } from "../gateway/intent-filter.ts"
import type { Sessions } from "../gateway/sessions.ts"
import type { ClientRecord } from "../record.ts"
import type { RestContext } from "./context.ts"
import type { RestCounts } from "./counts.ts"
import { emitTo, remember } from "./dispatch.ts"
import { type CommandUse, commandUse } from "./interact.ts"
import type { LimitState } from "./limits/limits.ts"
import type { LimitChange } from "./limits/settings.ts"
import { RestApi } from "./rest-api.ts"
import { type Saying, userMessage } from "./say.ts"
import { Attachments } from "./state/attachments.ts"
import { Bans } from "./state/bans.ts"
import { ApplicationCommands } from "./state/commands.ts"
import { Directory } from "./state/directory.ts"
import { snowflakes } from "./state/ids.ts"
import { Interactions } from "./state/interactions.ts"
import { Messages } from "./state/messages.ts"
import { Webhooks } from "./state/webhooks.ts"

export interface RestPlan {
  readonly world: World
  readonly clock: Clock
  readonly shards: number
  readonly budget: IdentifyBudget
  readonly credentials: Credentials
  readonly sessions: Sessions
  readonly faults: Faults
  readonly record: ClientRecord
  readonly recordsRequests: boolean
  readonly limits: LimitChange
  readonly gatewayPort: number
  /** `http://127.0.0.1:7040`, once it is known. */
  readonly origin: () => string
}

/** Of the traffic where the bot has commands, the share that uses one. */
const COMMAND_SHARE = 0.02

export class SimulatedRest {
  readonly api: RestApi
  readonly #context: RestContext

  constructor(plan: RestPlan) {
    const { world, clock, shards, budget, gatewayPort } = plan
    const newId = snowflakes(clock)
    this.#context = {
      world,
      clock,
      shards,
      budget,
      gatewayUrl: (host) => `ws://${host}:${gatewayPort}`,
      newId,
      emit: emitTo(plan.sessions),
      directory: new Directory(world, newId),
      messages: new Messages(),
      attachments: new Attachments(plan.origin, newId),
      webhooks: new Webhooks(newId),
      interactions: new Interactions(clock),
      commands: new ApplicationCommands(world.bot.id, newId),
      bans: new Bans(),
      searched: new Set(),
    }
    const { credentials, faults, record, recordsRequests } = plan
    this.api = new RestApi({ context: this.#context, credentials, faults, record, clock, recordsRequests })
    this.api.limits.change(plan.limits)
  }

  /** What was requested, passed and refused since the start or the last `clearCounts`. */
  counts(): RestCounts {
    return this.api.counts()
  }

  clearCounts(): void {
    this.api.clearCounts()
  }

  limits(): LimitState {
    return this.api.limits.state()
  }

  /** Changes what is given. @throws RangeError when a route does not exist. */
  setLimits(change: LimitChange): void {
    this.api.limits.change(change)
  }

  /** Every bucket is full again, and no address is banned. */
  resetLimits(): void {
    this.api.limits.reset()
  }

  /**
   * A user uses a command: INTERACTION_CREATE is dispatched.
   * @returns its `d`.
   * @throws ApiError when channel or user do not exist.
   */
  interact(use: CommandUse): object {
    const d = commandUse(use, this.#context)
    this.remember({ t: "INTERACTION_CREATE", d })
    this.#context.emit("INTERACTION_CREATE", d)
    return d
  }

  /**
   * A user writes in a channel: MESSAGE_CREATE is dispatched.
   * @returns its `d`.
   * @throws ApiError when channel or user do not exist.
   */
  say(saying: Saying): Message {
    const message = userMessage(saying, this.#context)
    this.#context.messages.add(message)
    this.#context.emit("MESSAGE_CREATE", message)
    return message
  }

  /** What was dispatched can be answered from now on. */
  remember(event: AnyDispatch): void {
    remember(event, this.#context)
  }

  /** Now and then, where the bot has commands, somebody of the guilds uses one. */
  trafficInteraction(random: Random, guildIds: readonly string[]): AnyDispatch | undefined {
    if (guildIds.length === 0 || !this.#context.commands.any()) return undefined
    const guild = this.#context.world.guild(random.pick(guildIds))
    const commands = guild === undefined ? [] : this.#context.commands.visibleIn(guild.id)
    if (guild === undefined || commands.length === 0 || !random.chance(COMMAND_SHARE)) return undefined
    const use = { command: random.pick(commands).name, channelId: random.pick(guild.textChannels).id }
    return { t: "INTERACTION_CREATE", d: commandUse(use, this.#context) }
  }

  holdShared({ route, major, durationMs }: SharedLimitFault): void {
    const untilMs = this.#context.clock.nowMs() + durationMs
    this.api.limits.shared.hold(major === undefined ? { route } : { route, major }, untilMs)
  }
}
