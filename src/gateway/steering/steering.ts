// The port to all processes of a bot, for an operator: over Redis, over a process' admin address, or in this process alone.
// And what the commands mean on it: which process an order is for.

import type { NodeReport, Order, OrderResult, ShardReport, SteeredNode } from "./node.ts"

export interface OwnedShard extends ShardReport {
  readonly node: string
}

/** Every shard that runs somewhere, and those that run nowhere: what `spectacles shards --json` prints. */
export interface FleetView {
  /** Of the whole bot; null where no process knows it yet. */
  readonly shardCount: number | null
  readonly nodes: readonly { readonly node: string; readonly draining: boolean; readonly shards: number }[]
  /** By id, those of the bot before those that run beside them; one that runs twice stands twice. */
  readonly shards: readonly OwnedShard[]
  /** Shards that no process has told to run. */
  readonly missing: readonly number[]
}

export interface Steering {
  view(): Promise<FleetView>
  /** @param node a process' whole name */
  order(node: string, order: Order): Promise<OrderResult>
}

/** What an operator types: a process by its name or the beginning of it, a shard by its id. */
export type SteeringCommand =
  | { readonly type: "drain"; readonly node: string }
  | { readonly type: "move"; readonly shard: number; readonly to: string }
  | { readonly type: "restart"; readonly shard: number }

export function viewOf(reports: readonly NodeReport[]): FleetView {
  const counts = reports.flatMap(({ shardCount }) => (shardCount === null ? [] : [shardCount]))
  const shardCount = counts.length === 0 ? null : Math.max(...counts)
  const shards = reports.flatMap(({ node, shards }) => shards.map((shard) => ({ node, ...shard })))
  const rank = (shard: ShardReport) => (isOfBot(shard, shardCount) ? 0 : 1)
  const running = new Set(shards.filter((shard) => isOfBot(shard, shardCount)).map(({ shard }) => shard))
  return {
    shardCount,
    nodes: reports
      .map(({ node, draining, shards }) => ({ node, draining, shards: shards.length }))
      .sort((a, b) => (a.node < b.node ? -1 : 1)),
    shards: shards.sort((a, b) => rank(a) - rank(b) || a.shard - b.shard || (a.node < b.node ? -1 : 1)),
    missing: Array.from({ length: shardCount ?? 0 }, (_, shard) => shard).filter((shard) => !running.has(shard)),
  }
}

/** While the bot is resharded, others run beside its own. */
export function isOfBot({ count }: ShardReport, shardCount: number | null): boolean {
  return count === undefined || count === shardCount
}

/** A process that knows of no others. */
export function soleSteering(node: SteeredNode): Steering {
  return {
    view: async () => viewOf([node.report()]),
    order: (_name, order) => node.obey(order),
  }
}

/** Finds whom a command is for, and gives the order. */
export async function steer(steering: Steering, command: SteeringCommand): Promise<OrderResult> {
  const view = await steering.view()
  if (command.type === "drain") {
    const node = nodeNamed(view, command.node)
    return node.type === "refused" ? node : steering.order(node.node, { type: "drain" })
  }
  const { shard } = command
  const owners = view.shards
    .filter((one) => one.shard === shard && isOfBot(one, view.shardCount))
    .map(({ node }) => node)
  const [owner] = owners
  if (owner === undefined) return refused(`Cannot ${command.type} shard ${shard}: ${whyNobody(view, shard)}`)
  if (command.type === "restart") {
    // While it changes hands two may report it.
    const results = await Promise.all(owners.map((node) => steering.order(node, { type: "restart", shard })))
    return results.find(({ type }) => type === "done") ?? results[0] ?? refused(`Cannot restart shard ${shard}.`)
  }
  const to = nodeNamed(view, command.to)
  return to.type === "refused" ? to : steering.order(owner, { type: "move", shard, to: to.node })
}

function nodeNamed({ nodes }: FleetView, name: string) {
  const names = nodes.map(({ node }) => node)
  const matches = names.includes(name) ? [name] : names.filter((node) => name !== "" && node.startsWith(name))
  const [node] = matches
  if (node !== undefined && matches.length === 1) return { type: "found", node } as const
  if (matches.length > 1) return refused(`Cannot tell which process "${name}" is: ${matches.join(", ")}.`)
  return refused(`Cannot find the process "${name}": there ${names.length === 1 ? "is" : "are"} ${listed(names)}.`)
}

function whyNobody({ shardCount }: FleetView, shard: number): string {
  if (shardCount !== null && shard >= shardCount) return `the bot has the shards 0 to ${shardCount - 1}.`
  return "no process runs it now; see spectacles shards."
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ")
}

function refused(reason: string) {
  return { type: "refused", reason } as const
}
