// What is wrong with a configuration. Problems are gathered, not thrown one by one, so that a user mends a file in one go.

import { hideTokens } from "./secret.ts"

/** One sentence about one value. */
export interface Problem {
  /** `gateway.toml:12`, `DISCORD_INTENTS` or `--loglevel`. */
  readonly place: string
  readonly message: string
}

/** Gathers while a configuration is read. Problems stop the program, warnings do not. */
export class Report {
  readonly #problems = new Map<string, Problem>()
  readonly #warnings: Problem[] = []

  problem(place: string, message: string): void {
    const problem = { place, message: hideTokens(message) }
    this.#problems.set(formatProblem(problem), problem)
  }

  warn(place: string, message: string): void {
    this.#warnings.push({ place, message: hideTokens(message) })
  }

  get problems(): readonly Problem[] {
    return [...this.#problems.values()]
  }

  get warnings(): readonly Problem[] {
    return this.#warnings
  }
}

/** `gateway.toml:12: broker.type is …` */
export function formatProblem({ place, message }: Problem): string {
  return `${place}: ${message}`
}

/** The user's mistakes, all of them. Its message is meant to be printed as it is. */
export class ConfigError extends Error {
  override readonly name = "ConfigError"
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    const count = problems.length === 1 ? "one problem" : `${problems.length} problems`
    super(
      `Cannot start: the configuration has ${count}.\n${problems.map((one) => `  ${formatProblem(one)}`).join("\n")}`,
    )
    this.problems = problems
  }
}
