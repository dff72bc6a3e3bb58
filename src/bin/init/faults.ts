// What is wrong with an answer, as the configuration's own rules have it.

import { GATEWAY_SETTINGS } from "../../config/gateway-settings.ts"
import { hideTokens } from "../../config/secret.ts"
import type { Broker } from "./answers.ts"

interface Schema {
  safeParse(value: unknown): {
    readonly error?: { readonly issues: readonly { readonly message: string }[] } | undefined
  }
}

/** Undefined when there is nothing wrong with it. */
function faultOf(name: string, schema: Schema, value: string): string | undefined {
  const issue = schema.safeParse(value).error?.issues[0]
  return issue === undefined ? undefined : `${name} ${issue.message}`
}

export function tokenFault(token: string): string | undefined {
  const fault = faultOf("The token", GATEWAY_SETTINGS.token.schema, token)
  if (fault !== undefined) return fault
  // What looks like a token is hidden, and the rest is not.
  if (hideTokens(token) !== token) return undefined
  return "The token does not look like a bot's, which has three parts with dots between: copy it again from the developer portal."
}

export function urlFault(broker: Broker, url: string): string | undefined {
  if (broker === "redis") return faultOf("The URL", GATEWAY_SETTINGS["redis.url"].schema, url)
  return broker === "amqp" ? faultOf("The URL", GATEWAY_SETTINGS["amqp.url"].schema, url) : undefined
}
