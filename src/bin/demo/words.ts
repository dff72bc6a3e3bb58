// What the demo says before and after: who is who, and what came of it.

import type { Simulator } from "../../simulator/simulator.ts"
import type { Paint } from "../colour.ts"
import { callOf } from "../command.ts"
import type { DeliveryAudit } from "../delivery-audit.ts"
import type { Story } from "./story.ts"
import type { Users } from "./users.ts"

export interface Introduced {
  readonly discord: Simulator
  readonly shards: number
  readonly proxyUrl: string
  /** 0: until somebody ends it. */
  readonly seconds: number
}

export function introduction(paint: Paint, { discord, shards, proxyUrl, seconds }: Introduced): string {
  const row = (name: string, what: string, note: string) =>
    `  ${paint("bold", name.padEnd(9))} ${what.padEnd(18)}  ${paint("dim", note)}\n`
  return [
    `\n${paint("bold", "A Discord bot made of services.")} No token, no network: all of it runs in this process.\n`,
    seconds === 0 ? "Ctrl-C ends it.\n\n" : `It ends after ${seconds} s, or by Ctrl-C.\n\n`,
    row("Discord", "simulated", `${discord.world.guildIds.length} guilds, shards: ${shards}, limits as Discord's`),
    row("gateway", "Discord → broker", "holds the shards, publishes every event"),
    row("broker", "in memory", "Redis or RabbitMQ in production"),
    row("handler", "broker → proxy", "your code: here it answers /ping and !ping"),
    row("proxy", "handler → Discord", `${proxyUrl}, keeps the limits`),
    "\n",
  ].join("")
}

export interface Summed {
  readonly discord: Simulator
  readonly audit: DeliveryAudit
  readonly users: Users
  readonly story: Story
  readonly codec: string
}

/** What the gateway asks by itself. */
const OWN_ROUTE = "GET /gateway/bot"

export function summary(paint: Paint, { discord, audit, users, story, codec }: Summed): string {
  const { requests, refused } = discord.rest.counts()
  const proxied = Object.entries(requests).filter(([route]) => route !== OWN_ROUTE)
  const sent = proxied.flatMap(([, statuses]) => Object.values(statuses)).reduce((sum, count) => sum + count, 0)
  const waiting = users.asked - users.answered
  const median = story.tookMs.toSorted((a, b) => a - b)[Math.floor(story.tookMs.length / 2)]
  const took = median === undefined ? "" : `, ${median.toFixed(1)} ms there and back`
  const unanswered = waiting === 0 ? "" : `, ${waiting} were waiting at the end`
  const row = (name: string, what: string) => `  ${paint("bold", name.padEnd(9))} ${what}\n`
  return [
    "\n",
    row("events", `${audit.confirmed.toLocaleString("en-US")} published, ${audit.lost} lost${story.cuts}`),
    row("commands", `${users.answered} answered${took}${unanswered}`),
    row(
      "requests",
      `${sent} through the proxy, ${refused.user + refused.global + refused.shared} refused by Discord (429)`,
    ),
    row("codec", codec),
    "\nNext: put your own bot's token in.\n",
    `  DISCORD_TOKEN="your token" DISCORD_EVENTS=MESSAGE_CREATE DISCORD_INTENTS=GUILDS,GUILD_MESSAGES ${callOf("gateway")}\n`,
    `Or test a bot against the simulator:  ${callOf("simulator")} --help\n`,
  ].join("")
}
