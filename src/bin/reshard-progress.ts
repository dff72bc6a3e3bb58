// A reshard as text for a terminal: `spectacles reshard`.

import type { Reshard } from "../gateway/reshard/record.ts"

/** One sentence; two equal ones where nothing has changed. */
export function progressLine(reshard: Reshard): string {
  const { from, to, phase, live, cut } = reshard
  switch (phase) {
    case "opening":
      return `opening: ${live.length} of ${to} new shards are live; the ${from} old ones serve.`
    case "cutting":
      return `cutting: ${cut.length} of ${to} new shards have taken their guilds over.`
    case "closing":
      return `closing: the ${to} new shards serve; the ${from} old ones end.`
    case "undoing":
      return `undoing${because(reshard)}: ${cut.length} of ${to} new shards have guilds to give back.`
    case "done":
      return `done: the bot has ${to} shards.`
    case "undone":
      return `undone${because(reshard)}: the bot has ${from} shards, as before.`
  }
}

function because({ reason }: Reshard): string {
  return reason === null ? "" : ` (${reason.replace(/\.$/, "")})`
}

/** What `--json` prints, once for each change. */
export function progressJson({ id, from, to, phase, reason, live, cut }: Reshard): string {
  return JSON.stringify({ id, from, to, phase, reason, live: live.length, cut: cut.length })
}

/** What it will cost, before it begins. */
export interface Cost {
  readonly identifies: number
  readonly openingMs: number
  readonly handOvers: number
  readonly fitsBudget: boolean
}

export function costLine(from: number, to: number, { identifies, openingMs, handOvers, fitsBudget }: Cost): string {
  const minutes = Math.ceil(openingMs / 60_000)
  const pace = openingMs === 0 ? "at once" : `within ${minutes} min at the earliest`
  const budget = fitsBudget
    ? ""
    : " The day's identifies do not suffice: it waits for the next day, and the old shards serve."
  return `From ${from} to ${to} shards: ${identifies} identifies, ${pace}, and ${handOvers} pairs of shards hand their guilds over.${budget}`
}
