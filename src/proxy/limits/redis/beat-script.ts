// What every instance says every so often, in Lua: that it lives, and how many invalid requests it has made. It hears how
// many others live, what is left of their address's budget, and whether Cloudflare bans the address.
//   instances  sorted set: a member for each instance, by when it was heard last
//   address    hash: `banned` until when, and a count for each slice of ten minutes; instances that send from one IP address
//              share it

import { SLICE_MS, SLICES } from "../invalid-budget.ts"

/** An instance that was not heard for so long is gone. Several beats. */
export const GONE_AFTER_MS = 7_000
/** Keys outlive their last use by this. */
const KEEP_MS = SLICE_MS * (SLICES + 1)

export const BEAT_SCRIPT = /* lua */ `
local request = cjson.decode(ARGV[1])
local now = request.now
if now == nil then
  local time = redis.call("TIME")
  now = math.floor(time[1] * 1000 + time[2] / 1000)
end
local INSTANCES, ADDRESS = KEYS[1], KEYS[2]
redis.call("ZREMRANGEBYSCORE", INSTANCES, "-inf", now - ${GONE_AFTER_MS})
if request.leaves then redis.call("ZREM", INSTANCES, request.me)
else redis.call("ZADD", INSTANCES, now, request.me) end
redis.call("PEXPIRE", INSTANCES, ${GONE_AFTER_MS})

local banned = tonumber(redis.call("HGET", ADDRESS, "banned") or 0)
if request.ban > 0 and now + request.ban > banned then
  banned = now + request.ban
  redis.call("HSET", ADDRESS, "banned", string.format("%.0f", banned))
  redis.call("PUBLISH", ARGV[2], request.me)
end
local slice = math.floor(now / ${SLICE_MS})
if request.invalid > 0 then redis.call("HINCRBY", ADDRESS, string.format("%.0f", slice), request.invalid) end
local used = 0
local fields = redis.call("HGETALL", ADDRESS)
for index = 1, #fields, 2 do
  local number = tonumber(fields[index])
  if number ~= nil then
    if number > slice - ${SLICES} then used = used + fields[index + 1]
    else redis.call("HDEL", ADDRESS, fields[index]) end
  end
end
redis.call("PEXPIRE", ADDRESS, math.max(${KEEP_MS}, banned - now))
return cjson.encode({
  now = now, instances = redis.call("ZCARD", INSTANCES), invalid = used, banned = math.max(0, banned - now),
})
`
