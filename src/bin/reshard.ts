// `spectacles reshard`: gives a running bot another number of shards, shows how that goes, and undoes it. The gateways do it;
// this only begins and watches it, and may be ended at any time.

import type { Client } from "../brokers/redis/clients.ts"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { loadGatewayConfig } from "../config/load-gateway-config.ts"
import { sleep, systemClock } from "../flow/clock.ts"
import { settlesWithin } from "../flow/deadline.ts"
import { redisLedger } from "../gateway/fleet/redis-ledger.ts"
import { fetchGatewayBot } from "../gateway/gateway-bot.ts"
import { fetchGuildCount } from "../gateway/guild-count.ts"
import { chooseCount, reshardCost } from "../gateway/reshard/policy.ts"
import { isRunning, type Reshard, type Reshards } from "../gateway/reshard/record.ts"
import { redisReshards } from "../gateway/reshard/redis/record.ts"
import { OperatorError } from "../ops/operator-error.ts"
import { command, EXIT_FAILED, EXIT_OK, EXIT_SIGNALLED, stopSignal } from "./command.ts"
import { type CommandLine, type Flags, type Given, mistake, wholeNumber } from "./command-line.ts"
import { reachMeeting } from "./coordination.ts"
import { costLine, progressJson, progressLine } from "./reshard-progress.ts"

const POLL_MS = 500
const REDIS_WITHIN_MS = 5_000
const MAX_SHARDS = 100_000
const BY_OPERATOR = "an operator ordered it"

const FLAGS = {
  count: { type: "string", value: "N|auto", help: "begin: so many shards, or as many as the bot needs by its guilds" },
  undo: { type: "boolean", help: "give the guilds that went over back, and close the new shards" },
  status: { type: "boolean", help: "say how far it is, and end" },
  json: { type: "boolean", help: "one JSON object a change instead of text" },
  config: { type: "string", value: "FILE", help: "another configuration file" },
} as const satisfies Flags

const LINE = {
  name: "reshard",
  about: `Gives a running bot another number of shards without downtime: the new ones come up beside the old ones, the guilds go
over, and the old ones close. Watches until that is done; ending it by Ctrl-C leaves the gateways to go on. Without --count
and --undo it watches the one that runs. Needs shards.ownership "redis", and reaches Redis by the gateway's configuration.`,
  flags: FLAGS,
  examples: [
    { what: "twice as many shards, if there were 8", line: "spectacles reshard --count 16" },
    { what: "how far it is", line: "spectacles reshard --status" },
  ],
} as const satisfies CommandLine<typeof FLAGS>

export const reshard = command(LINE, async ({ flags }) => {
  const actions = [flags.count, flags.undo, flags.status].filter((given) => given !== undefined)
  if (actions.length > 1) throw mistake(LINE, "give one of --count, --undo and --status")
  const { config } = loadGatewayConfig({
    env: process.env,
    isTerminal: false,
    ...(flags.config === undefined ? {} : { configFile: flags.config }),
  })
  const reach = await reachRedis(config)
  try {
    if (flags.count !== undefined && !(await begin(reach, config, wantedCount(flags.count), flags))) return EXIT_OK
    if (flags.undo === true) await undo(reach.reshards)
    return await (flags.status === true ? show(reach.reshards, flags) : watch(reach.reshards, flags))
  } finally {
    reach.close()
  }
})

interface Reach {
  readonly commands: Client
  readonly subscriber: Client
  readonly prefix: string
  readonly reshards: Reshards
  close(): void
}

async function reachRedis({ shards, shardStore }: GatewayConfig): Promise<Reach> {
  if (shards.leases === undefined || shardStore.type !== "redis") {
    throw new OperatorError(
      'Cannot reshard: shards.ownership is "config", and only gateways that share their shards can; set it to "redis".',
    )
  }
  const { prefix, redis } = shardStore
  const { commands, subscriber } = await reachMeeting(redis)
  return {
    ...{ commands, subscriber, prefix },
    reshards: redisReshards({ commands, subscriber, prefix, replicas: redis.replicas }),
    close() {
      commands.disconnect()
      subscriber.disconnect()
    },
  }
}

function wantedCount(text: string): number | "auto" {
  return text === "auto" ? text : (wholeNumber("count", text, 1, MAX_SHARDS) ?? "auto")
}

/** @returns whether there is anything to do */
async function begin(
  { commands, subscriber, prefix, reshards }: Reach,
  config: GatewayConfig,
  wanted: number | "auto",
  flags: Given<typeof FLAGS>,
): Promise<boolean> {
  const running = await answered(reshards.read())
  if (isRunning(running)) throw new OperatorError(`Cannot reshard: one runs already, ${progressLine(running)}`)
  const shards = await answered(redisLedger({ commands, subscriber, prefix, node: "spectacles reshard" }).shards())
  if (shards === null || !shards.hasMembers) throw nobody()
  const { scheme, host, version } = config.api
  const signal = new AbortController().signal
  const question = { apiUrl: `${scheme}://${host}/api/v${version}`, token: () => config.token.reveal(), fetch, signal }
  const [{ startLimit }, guilds] = await Promise.all([fetchGatewayBot(question), fetchGuildCount(question)])
  const from = shards.set.count
  const { maxConcurrency } = startLimit
  const choice = chooseCount(wanted, { from, guilds, maxConcurrency, capacity: shards.capacity })
  if (choice.type === "refused") throw new OperatorError(choice.reason)
  if (choice.type === "enough") {
    process.stdout.write(flags.json === true ? `${JSON.stringify(choice)}\n` : `${choice.reason}\n`)
    return false
  }
  const { to } = choice
  const configured = config.shards.count ?? 0
  const beginning = await answered(reshards.begin({ id: crypto.randomUUID(), from, to, configured }))
  if (beginning === "nobody") throw nobody()
  if (beginning !== "begun")
    throw new OperatorError("Cannot reshard: somebody else has begun just now; see spectacles reshard --status.")
  if (flags.json === true) return true
  process.stdout.write(`${costLine(from, to, reshardCost(from, to, startLimit, config.identifyReserve))}\n`)
  return true
}

function nobody(): OperatorError {
  return new OperatorError("Cannot reshard: no gateway runs that could do it; start them first.")
}

async function undo(reshards: Reshards): Promise<void> {
  const running = await answered(reshards.read())
  if (!isRunning(running)) throw new OperatorError("Cannot undo a reshard: none runs.")
  const { id, phase } = running
  if (phase === "undoing") return
  if (phase === "closing")
    throw new OperatorError(`Cannot undo the reshard: there is no way back any more, ${progressLine(running)}`)
  await answered(reshards.advance(id, phase, "undoing", BY_OPERATOR))
  // It went on to another phase just now.
  const { phase: reached } = (await answered(reshards.read())) ?? running
  if (reached !== "undoing" && reached !== "undone") return undo(reshards)
}

async function show(reshards: Reshards, flags: Given<typeof FLAGS>): Promise<number> {
  const last = await answered(reshards.read())
  if (flags.json === true) process.stdout.write(`${last === null ? "null" : progressJson(last)}\n`)
  else process.stdout.write(`${last === null ? "The bot was never resharded." : progressLine(last)}\n`)
  return EXIT_OK
}

/** Until it is over, or somebody presses Ctrl-C. */
async function watch(reshards: Reshards, flags: Given<typeof FLAGS>): Promise<number> {
  const stop = stopSignal()
  let told = ""
  while (true) {
    const reshard = await answered(reshards.read())
    if (reshard === null) return show(reshards, flags)
    const line = flags.json === true ? progressJson(reshard) : progressLine(reshard)
    if (line !== told) process.stdout.write(`${line}\n`)
    told = line
    if (!isRunning(reshard)) return endOf(reshard, flags)
    await sleep(systemClock, POLL_MS, stop).catch(() => {})
    if (!stop.aborted) continue
    process.stderr.write("The gateways go on with it; see spectacles reshard --status, or undo it by --undo.\n")
    return EXIT_SIGNALLED
  }
}

function endOf({ phase }: Reshard, { undo: isUndo }: Given<typeof FLAGS>): number {
  return phase === "done" || isUndo === true ? EXIT_OK : EXIT_FAILED
}

/** The clients wait for Redis without end; whoever looks at a terminal does not. */
async function answered<T>(asked: Promise<T>): Promise<T> {
  if (await settlesWithin(systemClock, REDIS_WITHIN_MS, asked)) return asked
  asked.catch(() => {})
  throw new OperatorError(`Cannot reach the gateways: Redis has not answered for ${REDIS_WITHIN_MS / 1_000} s.`)
}
