// Which token the gateway uses: given itself, or in a file as Docker and Kubernetes mount secrets.

import { botToken } from "./discord-values.ts"
import type { GatewaySettings } from "./gateway-settings.ts"
import type { Report } from "./problem.ts"
import { type ReadText, tryToRead } from "./read-text.ts"
import { hideTokens, type Secret } from "./secret.ts"

const DISCORD_HOST = "discord.com"

export function tokenOf(settings: GatewaySettings, readText: ReadText, report: Report): Secret | undefined {
  const fromFile = settings.isGiven("token_file") && !settings.winsOver("token", "token_file")
  const token = fromFile ? tokenInFile(settings, readText, report) : settings.values.token
  if (!fromFile && !settings.isGiven("token")) {
    report.problem(
      settings.place("token"),
      "the token is missing: set DISCORD_TOKEN or DISCORD_TOKEN_FILE, or token or token_file in the file, which the command init writes.",
    )
  }
  const isForDiscord = settings.values["api.host"] === DISCORD_HOST
  if (token !== undefined && isForDiscord && hideTokens(token.reveal()) !== String(token)) {
    report.warn(
      settings.place(fromFile ? "token_file" : "token"),
      "the token does not look like a bot's, which has three parts with dots between: Discord may refuse it.",
    )
  }
  return token
}

function tokenInFile(settings: GatewaySettings, readText: ReadText, report: Report): Secret | undefined {
  const place = settings.place("token_file")
  const path = settings.values.token_file
  if (path === undefined) return undefined
  if (settings.origin("token") === settings.origin("token_file")) {
    report.problem(place, "token and token_file are both set: keep one of them.")
    return undefined
  }
  const text = tryToRead(path, readText)
  if (text.failure !== undefined) {
    report.problem(
      place,
      `token_file ${path} cannot be read (${text.failure}): give the path of a file with the token.`,
    )
    return undefined
  }
  const result = botToken().safeParse(text.content)
  for (const issue of result.error?.issues ?? []) report.problem(place, `the token in ${path} ${issue.message}`)
  return result.data
}
