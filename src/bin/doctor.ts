// `spectacles doctor`: holds everything the gateway needs against reality, and says what to do about what is wrong.

import type { Codec } from "../codec/codec.ts"
import { loadCodec } from "../codec/load.ts"
import type { CodecSetting, GatewayConfig } from "../config/gateway-config.ts"
import { loadGatewayConfig } from "../config/load-gateway-config.ts"
import { ConfigError, formatProblem } from "../config/problem.ts"
import type { GatewayConfigReading } from "../config/read-gateway-config.ts"
import { painter, wantsColour } from "./colour.ts"
import { callOf, command, EXIT_FAILED, EXIT_OK, versionLine } from "./command.ts"
import { discordFindings } from "./doctor/discord.ts"
import { fenceFinding } from "./doctor/fence.ts"
import { bad, doubtful, type Finding, formatFinding, good } from "./doctor/finding.ts"
import { codecFinding, openFilesFinding } from "./doctor/machine.ts"
import { brokerFinding, sessionStoreFinding } from "./doctor/services.ts"

const LINE = {
  name: "doctor",
  about: `Checks what the gateway needs: configuration, codec, open files, Discord, clock, token, sessions, intents, broker,
session store and fence. Starts no session and publishes nothing. Exits with 0 when nothing fails, else with 1.`,
  flags: { config: { type: "string", value: "FILE", help: "another configuration file" } },
  examples: [{ what: "before the first start, or when something is odd", line: "spectacles doctor" }],
} as const

export const doctor = command(LINE, async ({ flags }) => {
  const paint = painter(wantsColour(process.stdout))
  const failures: Finding[] = []
  const show = (findings: readonly Finding[]) => {
    for (const finding of findings) process.stdout.write(formatFinding(finding, paint))
    failures.push(...findings.filter(({ verdict }) => verdict === "FAIL"))
  }
  process.stdout.write(`${versionLine()}\n`)
  const { reading, findings } = readConfiguration(flags.config)
  show([...findings, ...machineFindings(reading?.config.codec ?? "auto")])
  // Asked at once, and shown in this order.
  for (const answer of reading === undefined ? [] : outsideChecks(reading.config)) show(await answer)
  if (failures.length === 0) return EXIT_OK
  process.stdout.write(`${failures.length === 1 ? "One check" : `${failures.length} checks`} failed.\n`)
  return EXIT_FAILED
})

function outsideChecks(config: GatewayConfig): readonly Promise<readonly Finding[]>[] {
  return [
    discordFindings({ config, fetch, now: Date.now }),
    brokerFinding(config).then((finding) => [finding]),
    sessionStoreFinding(config).then((finding) => [finding]),
    fenceFinding(config).then((finding) => (finding === null ? [] : [finding])),
  ]
}

interface Configuration {
  /** Undefined when there are problems. */
  readonly reading?: GatewayConfigReading
  readonly findings: readonly Finding[]
}

function readConfiguration(configFile: string | undefined): Configuration {
  try {
    const options = { env: process.env, isTerminal: false, ...(configFile === undefined ? {} : { configFile }) }
    const reading = loadGatewayConfig(options)
    const { events, broker, shards } = reading.config
    const says = `${events.length} ${events.length === 1 ? "event" : "events"} to ${broker.type}, shards: ${shards.count ?? "as Discord recommends"}`
    const warnings = reading.warnings.map((one) =>
      doubtful("configuration", formatProblem(one), "Change it, if it is not meant so."),
    )
    return { reading, findings: [good("configuration", says), ...warnings] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const advice = `Correct it; docs/configuration.md has every setting, and ${callOf("init")} writes a new file.`
    return { findings: error.problems.map((problem) => bad("configuration", formatProblem(problem), advice)) }
  }
}

function machineFindings(choice: CodecSetting): readonly Finding[] {
  const codec = codecOf(choice)
  const finding =
    typeof codec === "string"
      ? bad("codec", codec, "Or set codec to auto.")
      : codecFinding(codec, choice === "portable")
  return [finding, openFilesFinding()]
}

/** A sentence where the codec that the configuration insists on does not load. */
function codecOf(choice: CodecSetting): Codec | string {
  try {
    return loadCodec(choice)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
