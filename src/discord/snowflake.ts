// Snowflakes: Discord's 64-bit ids, written as decimal strings because they do not fit a double.
// Source: Discord's documentation, API Reference › Snowflakes, Gateway › Sharding.

/** The start of Discord's clock, 2015-01-01T00:00:00Z, in Unix milliseconds. */
export const DISCORD_EPOCH_MS = 1_420_070_400_000

const TIMESTAMP_SHIFT = 22n

/** The shard that receives a guild's events: `(guild_id >> 22) % shard_count`. */
export function shardOf(guildId: string, shardCount: number): number {
  return Number((BigInt(guildId) >> TIMESTAMP_SHIFT) % BigInt(shardCount))
}

/** When the snowflake was made, in Unix milliseconds. */
export function snowflakeTimeMs(id: string): number {
  return Number(BigInt(id) >> TIMESTAMP_SHIFT) + DISCORD_EPOCH_MS
}

/** True for what Discord accepts as an id: 1 to 20 decimal digits that fit 64 bits. */
export function isSnowflake(text: string): boolean {
  return /^\d{1,20}$/.test(text) && BigInt(text) < 1n << 64n
}
