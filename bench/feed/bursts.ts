// Bursts of events, each prepared before the clock runs.

import type { Sample } from "../benchmark.ts"

export const SMOKE_EVENTS = 500
/** What a shard takes at once without holding its connection: its window and its backlog. */
export const BURST_EVENTS = 16_000
const BURSTS = 10
const WARM_UPS = 2
/** What may be on its way at once: a burst, less the chunk that may be too many. */
const AHEAD_EVENTS = 14_000
/** As often as that the sender hears how far the receiver is. */
const STEP_EVENTS = 1_000

/**
 * Some bursts to warm up, then several that count.
 * @param prepare makes a burst; what it returns sends and measures it
 * @param burstEvents the events of one burst
 */
export async function measureBursts(
  smoke: boolean,
  prepare: (events: number) => Promise<() => Promise<Sample>>,
  burstEvents = BURST_EVENTS,
): Promise<Sample> {
  let total: Sample = { events: 0, cpuUs: 0, wallUs: 0 }
  for (let burst = smoke ? -1 : -WARM_UPS; burst < (smoke ? 1 : BURSTS); burst += 1) {
    const sample = await (await prepare(smoke ? SMOKE_EVENTS : burstEvents))()
    if (burst >= 0) total = sum(total, sample)
  }
  return total
}

/**
 * Sends a burst as fast as it is confirmed, so that what is measured is the stream and not its beginning and end.
 * @param send sends up to so many events of each shard
 * @returns takes how many are confirmed, of all shards
 */
export function sendAhead(events: number, shards: number, send: (upTo: number) => void): (confirmed: number) => void {
  let allowed = 0
  const go = (confirmed: number) => {
    const upTo = Math.min(events, confirmed + AHEAD_EVENTS)
    if (upTo - allowed < STEP_EVENTS && upTo < events) return
    if (upTo === allowed) return
    allowed = upTo
    send(Math.ceil(upTo / shards))
  }
  go(0)
  return go
}

function sum(a: Sample, b: Sample): Sample {
  const beside = Object.entries(b.besideUs ?? {}).map(([name, us]) => [name, (a.besideUs?.[name] ?? 0) + us])
  return {
    ...{ events: a.events + b.events, cpuUs: a.cpuUs + b.cpuUs, wallUs: a.wallUs + b.wallUs },
    ...(b.besideUs === undefined ? {} : { besideUs: Object.fromEntries(beside) }),
  }
}
