// Bursts of events, each prepared before the clock runs.

import type { Sample } from "../benchmark.ts"

export const SMOKE_EVENTS = 500
/** What a shard takes at once without holding its connection: its window and its backlog. */
const BURST_EVENTS = 16_000
const BURSTS = 10

/** The events of one burst. */
export function burstEvents(smoke: boolean): number {
  return smoke ? SMOKE_EVENTS : BURST_EVENTS
}

/**
 * One burst to warm up, then several that count.
 * @param prepare makes a burst; what it returns sends and measures it
 */
export async function measureBursts(
  smoke: boolean,
  prepare: (events: number) => Promise<() => Promise<Sample>>,
): Promise<Sample> {
  let total: Sample = { events: 0, cpuUs: 0, wallUs: 0 }
  for (let burst = -1; burst < (smoke ? 1 : BURSTS); burst += 1) {
    const sample = await (await prepare(burstEvents(smoke)))()
    if (burst >= 0) total = sum(total, sample)
  }
  return total
}

function sum(a: Sample, b: Sample): Sample {
  const beside = Object.entries(b.besideUs ?? {}).map(([name, us]) => [name, (a.besideUs?.[name] ?? 0) + us])
  return {
    ...{ events: a.events + b.events, cpuUs: a.cpuUs + b.cpuUs, wallUs: a.wallUs + b.wallUs },
    ...(b.besideUs === undefined ? {} : { besideUs: Object.fromEntries(beside) }),
  }
}
