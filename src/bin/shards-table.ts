// The shards of a bot as a table for a terminal: `spectacles shards`.

import { type FleetView, isOfBot, type OwnedShard } from "../gateway/steering/steering.ts"
import type { Paint, Style } from "./colour.ts"

const HEADINGS = ["SHARD", "OWNER", "STATE", "SESSION", "SEQUENCE", "LATENCY", "EVENTS/S", "LAST RECONNECT"] as const
/** Columns of numbers, whose digits stand below one another. */
const RIGHT_ALIGNED: ReadonlySet<number> = new Set([0, 3, 4, 5, 6])
const NONE = "–"
const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
]

/** @param nowMs Unix milliseconds */
export function shardsTable(view: FleetView, nowMs: number, paint: Paint): string {
  const draining = new Set(view.nodes.filter((node) => node.draining).map(({ node }) => node))
  const { shardCount } = view
  const others = view.shards.filter((shard) => !isOfBot(shard, shardCount))
  // While the bot is resharded there are two of a number.
  const nameOf = (id: number, count = shardCount) => (others.length === 0 ? String(id) : `${id}/${count}`)
  const rowOf = (shard: OwnedShard) => {
    const cells = cellsOf(shard, nameOf(shard.shard, shard.count), draining, nowMs)
    return { id: shard.shard, cells, style: styleOf(shard) }
  }
  const own = [
    ...view.shards.filter((shard) => isOfBot(shard, shardCount)).map(rowOf),
    ...view.missing.map((id) => ({
      id,
      cells: [nameOf(id), "nobody", NONE, NONE, NONE, NONE, NONE, NONE],
      style: RED,
    })),
  ].sort((a, b) => a.id - b.id)
  const rows = [...own, ...others.map(rowOf)]
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map(({ cells }) => (cells[column] ?? "").length)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return RIGHT_ALIGNED.has(column) ? cell.padStart(width) : cell.padEnd(width)
      })
      .join("  ")
      .trimEnd()
  const lines = rows.map(({ cells, style }) => (style === null ? line(cells) : paint(style, line(cells))))
  return `${[paint("bold", line(HEADINGS)), ...lines, "", summary(view)].join("\n")}\n`
}

const RED: Style = "red"

function cellsOf(shard: OwnedShard, name: string, draining: ReadonlySet<string>, nowMs: number): readonly string[] {
  const { sessionStartedMs, latencyMs, lastDown } = shard
  return [
    name,
    draining.has(shard.node) ? `${shard.node} (draining)` : shard.node,
    shard.phase,
    sessionStartedMs === null ? NONE : age(nowMs - sessionStartedMs),
    shard.sequence.toLocaleString("en-US"),
    latencyMs === null ? NONE : `${Math.round(latencyMs)} ms`,
    shard.eventsPerSecond.toFixed(1),
    lastDown === null ? NONE : `${age(nowMs - lastDown.atMs)} ago: ${lastDown.reason}`,
  ]
}

function styleOf({ phase }: OwnedShard): Style | null {
  return phase === "live" ? null : "yellow"
}

/** In its two largest units: `2 d 3 h`. */
export function age(ms: number): string {
  const parts: string[] = []
  let rest = Math.max(0, ms)
  for (const [unit, unitMs] of UNITS) {
    const count = Math.floor(rest / unitMs)
    rest -= count * unitMs
    if (count > 0 || parts.length > 0) parts.push(`${count} ${unit}`)
    if (parts.length === 2) break
  }
  return parts.filter((part) => !part.startsWith("0 ")).join(" ") || "0 s"
}

function summary({ shardCount, shards, nodes, missing }: FleetView): string {
  if (nodes.length === 0) return "No gateway runs, or none has told of itself in the last 10 s."
  const others = shards.filter((shard) => !isOfBot(shard, shardCount))
  const live = liveOf(shards.filter((shard) => isOfBot(shard, shardCount)))
  const processes = nodes.length === 1 ? "one process" : `${nodes.length} processes`
  const lacking = missing.length === 0 ? "" : `, ${missing.length} run nowhere`
  const [other] = others
  const beside =
    other === undefined ? "" : ` The bot is resharded: ${liveOf(others)} of ${other.count} other shards live.`
  return `${live} of ${shardCount ?? "?"} shards live in ${processes}${lacking}.${beside}`
}

function liveOf(shards: readonly OwnedShard[]): number {
  return new Set(shards.filter(({ phase }) => phase === "live").map(({ shard }) => shard)).size
}
