// What every connection to the simulated gateway shares.

import type { Codec } from "../../codec/codec.ts"
import type { World } from "../corpus/world.ts"
import type { Faults } from "../faults/faults.ts"
import type { Settings } from "../options.ts"
import type { ClientRecord } from "../record.ts"
import type { Commands } from "./commands.ts"
import type { Credentials } from "./credentials.ts"
import type { IdentifyBudget } from "./identify-budget.ts"
import type { Session } from "./session.ts"
import type { Sessions } from "./sessions.ts"

export interface GatewayServices {
  readonly settings: Settings
  readonly world: World
  readonly codec: Codec
  readonly credentials: Credentials
  readonly sessions: Sessions
  readonly budget: IdentifyBudget
  readonly commands: Commands
  readonly faults: Faults
  readonly record: ClientRecord
  /** A gateway URL on which nobody listens. */
  readonly deadUrl: string
  /** Begins a session's guilds and traffic. */
  readonly begin: (session: Session) => void
  /** The day's identifies were exceeded: every session ends and the token is no longer valid. */
  readonly resetToken: () => void
}
