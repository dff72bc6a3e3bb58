// Where a reshard is kept in Redis: beside the leases, on the same server, so that a script can change both in one step.

/** @param prefix what the bot's keys begin with */
export function reshardKeys(prefix: string) {
  const tag = `{${prefix}}:reshard`
  return {
    /** Hash: the reshard that runs, or the last one. */
    record: tag,
    /** Hash, "old:new" → the changes of that pair. */
    changes: `${tag}:changes`,
    /** Hash, "old:new" → the attempt that is open. */
    attempts: `${tag}:attempts`,
    /** Set of "old:new": the new set publishes their guilds. */
    over: `${tag}:over`,
    /** Set of "id:shard": new shards that are connected and ready, of the reshard of that id. */
    live: `${tag}:live`,
    /** The process that leads; lapses. */
    leader: `${tag}:leader`,
    /** Channels: what the two sides of a pair tell one another; that the record has changed; whose guilds are to change hands. */
    news: `${tag}:news`,
    recordNews: `${tag}:record-news`,
    orders: `${tag}:orders`,
  } as const
}
