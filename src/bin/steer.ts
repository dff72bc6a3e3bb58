// `spectacles shards`, `drain`, `move` and `restart`: what an operator sees and orders. They reach the bot's processes through
// the Redis that these share, or through the admin address of one.

import type { GatewayConfig, ListenAddress } from "../config/gateway-config.ts"
import { loadGatewayConfig } from "../config/load-gateway-config.ts"
import { Secret } from "../config/secret.ts"
import { adminClient } from "../gateway/steering/http/steering.ts"
import type { OrderResult } from "../gateway/steering/node.ts"
import { type FleetView, type SteeringCommand, steer } from "../gateway/steering/steering.ts"
import { OperatorError } from "../ops/operator-error.ts"
import { painter, wantsColour } from "./colour.ts"
import { command, EXIT_FAILED, EXIT_OK } from "./command.ts"
import { type CommandLine, type Flags, type Given, mistake } from "./command-line.ts"
import { meetingPlaceOf, reachMeeting, steeringOver } from "./coordination.ts"
import { shardsTable } from "./shards-table.ts"

const FLAGS = {
  json: { type: "boolean", help: "one JSON object instead of text" },
  config: { type: "string", value: "FILE", help: "another configuration file" },
  admin: { type: "string", value: "URL", help: "ask the gateway at this admin address; ADMIN_TOKEN is its token" },
} as const satisfies Flags

const HOW = `Reaches the gateways through the Redis where their sessions are, by the gateway's own configuration, or else through
admin.address; with --admin, through another gateway's admin address and without any configuration.`

const SHARDS = {
  name: "shards",
  about: `Shows every shard of the bot: who runs it, how old its session is, how it does, and why it last reconnected.\n${HOW}`,
  flags: FLAGS,
  examples: [
    { what: "a table", line: "spectacles shards" },
    {
      what: "the shards that are not live",
      line: "spectacles shards --json | jq '.shards[] | select(.phase != \"live\")'",
    },
    { what: "over HTTP", line: "ADMIN_TOKEN=… spectacles shards --admin http://10.0.0.7:8081" },
  ],
} as const
const DRAIN = {
  name: "drain",
  about: `Lets a gateway hand over all its shards; it takes none any more. NODE is its name, or the beginning of it.\n${HOW}`,
  flags: FLAGS,
  words: ["NODE"],
  examples: [{ what: "before its machine is switched off", line: "spectacles drain gateway-7-a3f09c" }],
} as const
const MOVE = {
  name: "move",
  about: `Lets the gateway that runs a shard hand it to another. NODE is its name, or the beginning of it.\n${HOW}`,
  flags: FLAGS,
  words: ["SHARD", "NODE"],
  examples: [{ what: "shard 3 to another machine", line: "spectacles move 3 gateway-8" }],
} as const
const RESTART = {
  name: "restart",
  about: `Closes a shard's connection to Discord and resumes on another: no identify, no event lost.\n${HOW}`,
  flags: FLAGS,
  words: ["SHARD"],
  examples: [{ what: "a shard that looks stuck", line: "spectacles restart 3" }],
} as const

/** How an operator reaches the gateways. */
interface Reach {
  view(): Promise<FleetView>
  steer(command: SteeringCommand): Promise<OrderResult>
  close(): void
}

export const shards = command(SHARDS, async ({ flags }) => {
  const reach = await reachGateways(flags)
  const view = await reach.view()
  reach.close()
  if (flags.json === true) process.stdout.write(`${JSON.stringify(view)}\n`)
  else process.stdout.write(shardsTable(view, Date.now(), painter(wantsColour(process.stdout))))
  return EXIT_OK
})

export const drain = command(DRAIN, ({ flags, words: [node = ""] }) => order(flags, { type: "drain", node }))

export const move = command(MOVE, ({ flags, words: [shard, to = ""] }) =>
  order(flags, { type: "move", shard: shardId(MOVE, shard), to }),
)

export const restart = command(RESTART, ({ flags, words: [shard] }) =>
  order(flags, { type: "restart", shard: shardId(RESTART, shard) }),
)

async function order(flags: Given<typeof FLAGS>, what: SteeringCommand): Promise<number> {
  const reach = await reachGateways(flags)
  const result = await reach.steer(what)
  reach.close()
  if (flags.json === true) process.stdout.write(`${JSON.stringify(result)}\n`)
  else if (result.type === "done") process.stdout.write(`${doneSentence(what)}\n`)
  else throw new OperatorError(result.reason)
  return result.type === "done" ? EXIT_OK : EXIT_FAILED
}

function doneSentence(what: SteeringCommand): string {
  switch (what.type) {
    case "drain":
      return `${what.node} has handed over its shards and takes none any more.`
    case "move":
      return `Shard ${what.shard} was handed over to ${what.to}.`
    case "restart":
      return `The connection of shard ${what.shard} was closed; it resumes.`
  }
}

function shardId(line: CommandLine, word = ""): number {
  if (/^\d{1,9}$/.test(word)) return Number(word)
  throw mistake(line, `SHARD is a shard's id, such as 3, and not "${word}"`)
}

async function reachGateways({ admin, config: configFile }: Given<typeof FLAGS>): Promise<Reach> {
  if (admin !== undefined) return overHttp(admin, adminToken())
  const { config } = loadGatewayConfig({
    env: process.env,
    isTerminal: false,
    ...(configFile === undefined ? {} : { configFile }),
  })
  if (meetingPlaceOf(config) !== null) return overRedis(config)
  if (config.admin !== undefined) return overHttp(urlOf(config.admin.address), config.admin.token)
  throw new OperatorError(
    "Cannot reach a gateway: set admin.address and admin.token for it, or keep sessions in Redis (shard_store.type), or give --admin URL.",
  )
}

function adminToken(): Secret {
  const token = process.env["ADMIN_TOKEN"]
  if (token !== undefined && token !== "") return new Secret(token)
  throw new OperatorError("Cannot use --admin without its token: set ADMIN_TOKEN to the gateway's admin.token.")
}

function overHttp(text: string, token: Secret): Reach {
  const url = (text.includes("://") ? text : `http://${text}`).replace(/\/+$/, "")
  if (!URL.canParse(url))
    throw new OperatorError(`Cannot use --admin ${text}: write a URL such as http://10.0.0.7:8081.`)
  const { view, steer: send } = adminClient({ url, token, fetch })
  return { view, steer: send, close: () => {} }
}

/** Of a gateway on this machine that listens everywhere, too. */
function urlOf({ hostname, port }: ListenAddress): string {
  const host = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`
}

async function overRedis(config: GatewayConfig): Promise<Reach> {
  const meeting = meetingPlaceOf(config)
  if (meeting === null) throw new Error("no process meets another here")
  const { commands, subscriber } = await reachMeeting(meeting.redis)
  const steering = steeringOver(commands, subscriber, meeting.prefix)
  return {
    view: () => steering.view(),
    steer: (what) => steer(steering, what),
    close() {
      commands.disconnect()
      subscriber.disconnect()
    },
  }
}
