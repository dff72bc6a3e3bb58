// The questions of `spectacles init`, asked on a terminal. What flags have answered already is not asked.

import { autocompleteMultiselect, isCancel, multiselect, password, select, text } from "@clack/prompts"
import { EVENT_INTENTS } from "../../discord/events.ts"
import { INTENT_BITS, type Intent, PRIVILEGED_INTENTS } from "../../discord/intents.ts"
import { type Answers, BROKERS, type Broker, DEFAULT_EVENTS, DEFAULT_URLS, intentsFor } from "./answers.ts"
import { tokenFault, urlFault } from "./faults.ts"

const MAX_ROWS = 10
const WHAT_BROKERS_ARE: Readonly<Record<Broker, string>> = {
  stdio: "events on standard output, one a line",
  redis: "Redis Streams",
  amqp: "RabbitMQ",
}

/** The person pressed Ctrl-C. */
export class GivenUpError extends Error {
  override readonly name = "GivenUpError"
}

/** @throws GivenUpError when a question is left without an answer. */
export async function ask(known: Partial<Answers>): Promise<Answers> {
  const token = known.token ?? (await askToken())
  const events = known.events ?? (await askEvents())
  const intents = known.intents ?? (await askIntents(intentsFor(events)))
  const broker = known.broker ?? (await askBroker())
  const url = known.url ?? (await askUrl(broker))
  return { token, events, intents, broker, ...(url === undefined ? {} : { url }) }
}

/** Prompts answer with a symbol when they are left. */
function answered<T>(answer: T): Exclude<T, symbol> {
  if (isCancel(answer)) throw new GivenUpError("a question was left without an answer")
  return answer as Exclude<T, symbol>
}

async function askToken(): Promise<string> {
  const validate = (value = "") => tokenFault(value)
  return answered(await password({ message: "The bot's token (developer portal › Bot › Reset Token)", validate }))
}

async function askEvents(): Promise<string[]> {
  const options = Object.entries(EVENT_INTENTS).map(([value, intents]) => ({
    value,
    label: value,
    hint: intents.join(" or "),
  }))
  const message = "Which events does the bot want? Type to search, Tab to select"
  const initialValues: string[] = [...DEFAULT_EVENTS]
  return answered(
    await autocompleteMultiselect({ message, options, initialValues, required: true, maxItems: MAX_ROWS }),
  )
}

async function askIntents(initialValues: Intent[]): Promise<string[]> {
  const options = Object.keys(INTENT_BITS).map((value) => ({ value, label: value, hint: hintOf(value) }))
  const message = "With which intents? Those that the events need are selected"
  return answered(await multiselect<string>({ message, options, initialValues, required: true, maxItems: MAX_ROWS }))
}

function hintOf(intent: string): string {
  return PRIVILEGED_INTENTS.some((one) => one === intent)
    ? "privileged: switch it on in the developer portal first"
    : ""
}

async function askBroker(): Promise<Broker> {
  const options = BROKERS.map((value) => ({ value, label: value, hint: WHAT_BROKERS_ARE[value] }))
  return answered(await select({ message: "Where do events go?", options }))
}

async function askUrl(broker: Broker): Promise<string | undefined> {
  const initialValue = DEFAULT_URLS[broker]
  if (initialValue === undefined) return undefined
  const validate = (value = "") => urlFault(broker, value)
  return answered(await text({ message: `Where is ${WHAT_BROKERS_ARE[broker]}?`, initialValue, validate }))
}
