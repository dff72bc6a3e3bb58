// The token's global limit of ../global-pace.ts once more, in Lua. Places are a sorted set by when each is free again, so
// that those of a killed process come back by themselves. Starts are handed out a little ahead, in the order in which they
// were asked for, so that processes share a token's limit without asking for every request.

import { BURST, LOWER_BY, MIN_PER_SECOND, RAISE_BY, RAISE_EVERY_MS, WINDOW_MS } from "../global-pace.ts"
import { DEVIATION_GAIN, DEVIATIONS, LEAST_WAY_MS, MEAN_GAIN, MOST_WAY_MS } from "../way.ts"

/** How far ahead a start may lie. */
export const AHEAD_MS = 160
/** Starts that one process is given ahead at once: of two that share a token each has the other's turn to wait for. */
export const MAX_AHEAD = 4

export const PACE_SCRIPT = /* lua */ `
local function setRate(t, perSecond, configured, now)
  t.per = min(configured, max(${MIN_PER_SECOND}, perSecond))
  t.raise = nil
  if t.per < configured then t.raise = now + ${RAISE_EVERY_MS} end
end

-- When the next one may go.
local function startsAt(t, places, configured, now)
  if t.per == nil or t.per > configured then setRate(t, configured, configured, now) end
  if t.raise and now >= t.raise then setRate(t, t.per * ${RAISE_BY}, configured, now) end
  local at = max(now, t.blocked or 0, math.ceil((t.due or 0) - ${BURST - 1} * 1000 / t.per))
  local after = string.format("(%.0f", at)
  local over = redis.call("ZCOUNT", places, after, "+inf") - floor(t.per)
  if over >= 0 then
    local free = redis.call("ZRANGEBYSCORE", places, after, "+inf", "WITHSCORES", "LIMIT", over, 1)
    at = max(at, tonumber(free[2]))
  end
  return at
end

local function takePlace(t, places, id, at)
  t.due = max(t.due or 0, at) + 1000 / t.per
  redis.call("ZADD", places, string.format("%.0f", at + ${MOST_WAY_MS} + ${WINDOW_MS}), id)
end

-- How much of an answer's time may have been the request's way to Discord: way.ts.
local function learnWay(t, after)
  if t.mean == nil then
    t.mean = after
    t.deviation = after / 2
    return min(after, ${MOST_WAY_MS})
  end
  local varying = ${DEVIATIONS} * t.deviation
  local late = after > t.mean + max(${LEAST_WAY_MS}, varying)
  t.deviation = t.deviation + ${DEVIATION_GAIN} * (math.abs(after - t.mean) - t.deviation)
  t.mean = t.mean + ${MEAN_GAIN} * (after - t.mean)
  return min(after, late and ${MOST_WAY_MS} or min(${MOST_WAY_MS}, ${LEAST_WAY_MS} + varying))
end

-- Discord counts a request somewhere between its sending and its answer.
local function freePlace(t, places, s, at, now)
  if s.o == "unsent" then
    redis.call("ZREM", places, s.id)
  else
    local way = s.o == "answered" and learnWay(t, s.sent - s.ago) or ${MOST_WAY_MS}
    -- Clocks are read in whole milliseconds.
    local counted = now - s.sent + way + 1
    redis.call("ZADD", places, "XX", string.format("%.0f", counted + ${WINDOW_MS}), s.id)
  end
end

local function limitToken(t, retry, configured, at, now)
  local first = at >= (t.blocked or 0)
  t.blocked = max(t.blocked or 0, at + retry)
  if first then setRate(t, (t.per or configured) * ${LOWER_BY}, configured, now) end
end
`
