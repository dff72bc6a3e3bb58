// What a command takes, as data. Its help text, its reading of arguments and its shell completion come from this alone.

import { parseArgs } from "node:util"
import { didYouMean } from "../config/near-matches.ts"
import { OperatorError } from "../ops/operator-error.ts"
import type { Paint } from "./colour.ts"

export interface Flag {
  readonly type: "string" | "boolean"
  readonly short?: string
  /** Stands for the value in the help text: `FILE`, `N`. */
  readonly value?: string
  readonly help: string
  /** What can be given, where that can be listed. */
  readonly choices?: readonly string[]
}

export type Flags = Readonly<Record<string, Flag>>

export interface CommandLine<F extends Flags = Flags> {
  readonly name: string
  /** What it does, in lines of at most 120 characters. */
  readonly about: string
  readonly flags: F
  /** The one word that may follow the command. */
  readonly argument?: { readonly name: string; readonly choices: readonly string[] }
  /** Words that must follow the command, by what stands for them in the help text: `SHARD`, `NODE`. Instead of `argument`. */
  readonly words?: readonly string[]
  readonly examples: readonly Example[]
}

export interface Example {
  readonly what: string
  readonly line: string
}

/** The flags that were given. */
export type Given<F extends Flags> = {
  readonly [Name in keyof F]?: F[Name] extends { readonly type: "boolean" } ? true : string
}

export interface Reading<F extends Flags> {
  readonly flags: Given<F & typeof EVERY_COMMAND>
  readonly argument?: string
  /** As many as the command line names, unless `--help` or `--version` is given. */
  readonly words: readonly string[]
}

/** Flags that every command has. */
export const EVERY_COMMAND = {
  version: { type: "boolean", short: "V", help: "the version, what it was built from, and which codec runs" },
  help: { type: "boolean", short: "h", help: "this text" },
} as const satisfies Flags

export function allFlags({ flags }: CommandLine): Flags {
  return { ...flags, ...EVERY_COMMAND }
}

/** @throws OperatorError for what the command does not take, with what was probably meant. */
export function readArguments<F extends Flags>(line: CommandLine<F>, args: readonly string[]): Reading<F> {
  const options = allFlags(line)
  const { tokens } = parseArgs({
    args: args.map(withTwoDashes),
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const given: Record<string, string | true> = {}
  const wanted = line.words ?? []
  const words: string[] = []
  let argument: string | undefined
  for (const token of tokens) {
    if (token.kind === "option") given[token.name] = flagValue(token, line)
    if (token.kind !== "positional") continue
    if (words.length < wanted.length) {
      words.push(token.value)
      continue
    }
    if (argument !== undefined) throw mistake(line, `"${token.value}" is one word too many`)
    argument = argumentOf(token.value, line)
  }
  const lacking = wanted.slice(words.length)
  if (lacking.length > 0 && given["help"] === undefined && given["version"] === undefined)
    throw mistake(line, `it needs ${wanted.join(" and ")}, and ${lacking.join(" and ")} is missing`)
  // Every name in it is one of the flags, with a value of its kind.
  return { flags: given as Given<F & typeof EVERY_COMMAND>, ...(argument === undefined ? {} : { argument }), words }
}

/** `-config FILE` is `--config FILE`: the original gateway's flags have one dash or two. */
function withTwoDashes(arg: string): string {
  return /^-[a-z][\w-]+/i.test(arg) ? `-${arg}` : arg
}

function argumentOf(value: string, line: CommandLine): string {
  const { argument, words } = line
  if (argument === undefined && words !== undefined) throw mistake(line, `"${value}" is one word too many`)
  if (argument === undefined) throw mistake(line, `it takes flags alone, and was given "${value}"`)
  if (argument.choices.includes(value)) return value
  const choices = argument.choices.join(" or ")
  throw mistake(line, `its ${argument.name} is ${choices}, and not "${value}"`, didYouMean(value, argument.choices))
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
  readonly inlineValue?: boolean | undefined
}

function flagValue({ name, rawName, value, inlineValue }: OptionToken, line: CommandLine): string | true {
  const flags = allFlags(line)
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
  if (flag === undefined) {
    const names = Object.keys(flags).map((known) => `--${known}`)
    throw mistake(line, `it has no flag ${rawName}`, didYouMean(rawName, names))
  }
  if (flag.type === "boolean") {
    if (value === undefined) return true
    throw mistake(line, `${rawName} takes no value, and it was given "${value}"`)
  }
  const isNextFlag = inlineValue !== true && value !== undefined && /^-\D/.test(value)
  if (value === undefined || isNextFlag) throw mistake(line, `${rawName} needs a value, ${flag.value ?? "a text"}`)
  if (flag.choices === undefined || flag.choices.includes(value)) return value
  throw mistake(line, `${rawName} is "${value}" and takes ${flag.choices.join(", ")}`, didYouMean(value, flag.choices))
}

/** @throws OperatorError when a flag that was given is not such a number. */
export function wholeNumber(flag: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new OperatorError(`Cannot use --${flag} ${text}: it must be a whole number from ${min} to ${max}.`)
}

/** `Cannot run spectacles gateway: it has no flag --chek. Did you mean --check? See spectacles gateway --help.` */
export function mistake({ name }: CommandLine, what: string, hint = ""): OperatorError {
  return new OperatorError(`Cannot run spectacles ${name}: ${what}.${hint} See spectacles ${name} --help.`)
}

/** What `--help` prints. */
export function helpText(line: CommandLine, paint: Paint): string {
  const { name, about, argument, words = [], examples } = line
  const rows = Object.entries(allFlags(line)).map(([flag, { value, help }]) => {
    return [`--${flag}${value === undefined ? "" : ` ${value}`}`, help] as const
  })
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  const following = argument === undefined ? words : [argument.choices.join("|")]
  const usage = ["spectacles", name, ...following, "[options]"].join(" ")
  return [
    `${paint("bold", "Usage:")} ${usage}`,
    about,
    [paint("bold", "Options:"), ...rows.map(([left, help]) => `  ${left.padEnd(width)}${help}`)].join("\n"),
    [
      paint("bold", examples.length === 1 ? "Example:" : "Examples:"),
      ...examples.map(({ what, line: example }) => `  ${paint("dim", `# ${what}`)}\n  ${example}`),
    ].join("\n"),
  ]
    .map((part) => `${part}\n`)
    .join("\n")
}
