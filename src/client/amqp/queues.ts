// The names and the topology that every Spectacles service agrees on.

import type { Channel, Options } from "amqplib"

export interface Names {
  /** Also the exchange. */
  readonly group: string
  /** Divides a group: each subgroup gets everything. */
  readonly subgroup: string | undefined
}

export function queueName({ group, subgroup }: Names, event: string): string {
  return subgroup ? `${group}:${subgroup}:${event}` : `${group}:${event}`
}

export async function assertExchange(channel: Channel, { group }: Names): Promise<void> {
  await channel.assertExchange(group, "direct")
}

/** Declares an event's queue and binds it to the exchange. Resolves to its name. */
export async function bindQueue(
  channel: Channel,
  names: Names,
  event: string,
  options: Options.AssertQueue | undefined,
): Promise<string> {
  const queue = queueName(names, event)
  await channel.assertQueue(queue, options)
  await channel.bindQueue(queue, names.group, event)
  return queue
}
