// Every route there is.

import type { Route } from "../route.ts"
import { applicationCommandRoutes } from "./application-commands.ts"
import { channelRoutes } from "./channels.ts"
import { expressionRoutes } from "./expressions.ts"
import { gatewayRoutes } from "./gateway.ts"
import { guildRoutes } from "./guilds.ts"
import { interactionRoutes } from "./interactions.ts"
import { memberRoutes } from "./members.ts"
import { messageRoutes } from "./messages.ts"
import { reactionRoutes } from "./reactions.ts"
import { roleRoutes } from "./roles.ts"
import { userRoutes } from "./users.ts"
import { webhookRoutes } from "./webhooks.ts"

export const ROUTES: readonly Route[] = [
  ...gatewayRoutes,
  ...userRoutes,
  ...channelRoutes,
  ...messageRoutes,
  ...reactionRoutes,
  ...guildRoutes,
  ...memberRoutes,
  ...roleRoutes,
  ...expressionRoutes,
  ...webhookRoutes,
  ...interactionRoutes,
  ...applicationCommandRoutes,
]
