// The bucket of ../bucket.ts once more, in Lua, for Redis to decide with. A test holds the two together, decision by
// decision. What is more here: permits in flight are leases that run out with a process that was killed, and of several
// processes that wait for one bucket each gets its turn.

import { MAX_UNTOLD_IN_FLIGHT, PROBE_PATIENCE_MS, PROBES, RESET_PAD_MS, SAME_WINDOW_MS } from "../bucket.ts"

/** A permit's life without a renewal: how long a killed process keeps others from its places. */
export const LEASE_MS = 5_000
/** Permits of one bucket in flight at most; each is read and written with its bucket. */
const MAX_IN_FLIGHT = 250
/** Known to wait for so long after asking in vain. Longer than until it asks again without being woken. */
export const WAITING_MS = 1_500
/** How long an instance holds back at a window's beginning for others that wait and were served longer ago. */
const GIVE_WAY_MS = 25
const FORGET_SERVED_MS = 60_000

export const BUCKET_SCRIPT = /* lua */ `
local NEVER = math.huge
local min, max, floor = math.min, math.max, math.floor

local function newBucket()
  return {
    know = "unknown", epoch = 0, limit = 0, left = 0, reset = 0, window = 0, room = 1, probes = 0, probed = 0,
    guessed = false, lateLeft = 0, lateReset = 0, flights = {}, waiting = {}, served = {},
  }
end

local function inFlight(b)
  local count = 0
  for _ in pairs(b.flights) do count = count + 1 end
  return count
end

-- Somebody waits who was served longer ago.
local function othersFirst(b, me)
  for who in pairs(b.waiting) do
    if who ~= me and (b.served[who] or 0) < (b.served[me] or 0) then return true end
  end
  return false
end

local function othersWait(b, me)
  for who in pairs(b.waiting) do
    if who ~= me then return true end
  end
  return false
end

local function endProbe(b, taken)
  if taken.p and taken.e == b.epoch and b.probes > 0 then b.probes = b.probes - 1 end
end

local function useOne(b)
  if b.know == "window" then b.left = max(0, b.left - 1) end
end

-- Those of a killed process may have been sent.
local function expire(b, now)
  for id, flight in pairs(b.flights) do
    if flight.x <= now then
      b.flights[id] = nil
      endProbe(b, flight)
      useOne(b)
    end
  end
  for who, untilMs in pairs(b.waiting) do
    if untilMs <= now then b.waiting[who] = nil end
  end
  for who, sinceMs in pairs(b.served) do
    if sinceMs + ${FORGET_SERVED_MS} + 4 * b.window <= now then b.served[who] = nil end
  end
end

local function endWindow(b, now)
  b.epoch = b.epoch + 1
  b.probes = 0
  if b.left <= 0 or now < b.reset + b.window then
    b.know = "unknown"
    b.guessed = false
    return
  end
  b.guessed = true
  b.left = b.limit
  b.reset = now + b.window
end

local function opensAt(b, now, me)
  local flying = inFlight(b)
  if flying >= ${MAX_IN_FLIGHT} then return NEVER end
  if b.know == "window" then
    if now < b.reset then
      if b.left > flying then return now end
      return b.reset
    end
    endWindow(b, now)
    if b.guessed then
      if b.left > flying then return now end
      return b.reset
    end
  end
  if b.know == "untold" then
    if flying < b.room then return now end
    return NEVER
  end
  if b.probes >= ${PROBES} and now < b.probed + ${PROBE_PATIENCE_MS} then return NEVER end
  local waysGiven = b.reset + ${GIVE_WAY_MS}
  if now < waysGiven and othersFirst(b, me) then return waysGiven end
  return now
end

local function take(b, id, now, delay, me)
  local probe = b.know == "unknown"
  if probe then
    b.probes = b.probes + 1
    b.probed = now
    b.served[me] = now
  end
  b.flights[id] = { e = b.epoch, p = probe, r = b.left, x = now + delay + ${LEASE_MS} }
end

local function close(b, untilMs)
  b.know = "window"
  b.guessed = false
  b.left = 0
  b.room = 1
  b.reset = max(b.reset, untilMs)
end

local function untold(b)
  if b.know == "window" then
    b.left = max(0, b.left - 1)
  elseif b.limit == 0 then
    b.know = "untold"
    b.room = min(${MAX_UNTOLD_IN_FLIGHT}, b.room + 1)
  end
end

-- It was sent in the last window and counted in this one, perhaps after the probe whose answer is still to come.
local function tellLate(b, left, resetAt, at)
  if resetAt <= at + ${RESET_PAD_MS} then return end
  if math.abs(resetAt - b.lateReset) <= ${SAME_WINDOW_MS} then left = min(left, b.lateLeft) end
  b.lateLeft = left
  b.lateReset = resetAt
end

local function tell(b, w, taken, at)
  local resetAt = at + w.reset + ${RESET_PAD_MS}
  local late = taken.e ~= b.epoch
  local new = b.know ~= "window" or at >= b.reset
  if late and new then return tellLate(b, w.left, resetAt, at) end
  if late and resetAt < b.reset - ${SAME_WINDOW_MS} then return end
  b.limit = w.limit
  b.window = max(b.window, w.reset)
  if new then
    if b.know == "window" then b.epoch = b.epoch + 1 end
    b.know = "window"
    b.left = w.left
    if math.abs(resetAt - b.lateReset) <= ${SAME_WINDOW_MS} then b.left = min(b.left, b.lateLeft) end
    b.reset = resetAt
    b.probes = 0
  else
    b.left = min(b.left, w.left)
    if b.guessed then b.reset = resetAt
    elseif math.abs(resetAt - b.reset) <= ${SAME_WINDOW_MS} then b.reset = min(b.reset, resetAt)
    else b.reset = max(b.reset, resetAt) end
  end
  b.guessed = false
end

-- An answer to a request that was counted elsewhere, or that was given up.
local function hear(b, w, at)
  local resetAt = at + w.reset + ${RESET_PAD_MS}
  if b.know == "window" and at < b.reset then
    if resetAt >= b.reset - ${SAME_WINDOW_MS} then b.left = min(b.left, w.left) end
    return
  end
  if next(b.flights) ~= nil then return end
  b.know = "window"
  b.epoch = b.epoch + 1
  b.limit = w.limit
  b.left = w.left
  b.reset = resetAt
  b.window = max(b.window, w.reset)
  b.guessed = false
end

local function contradicts(b, w, taken, at)
  if b.know ~= "window" or b.guessed or taken.e ~= b.epoch or taken.p then return false end
  local middle = at + ${SAME_WINDOW_MS} < b.reset
  return middle and w.left >= taken.r and math.abs(at + w.reset - b.reset) > ${SAME_WINDOW_MS}
end

-- s.o: how it ended. s.w: what the answer's headers say, if they say anything.
local function settle(b, s, at)
  local flight = b.flights[s.id]
  b.flights[s.id] = nil
  if flight == nil then
    if s.o == "limited" then close(b, at + s.retry + ${RESET_PAD_MS})
    elseif s.w then hear(b, s.w, at) end
    return
  end
  endProbe(b, flight)
  if s.o == "unanswered" then useOne(b)
  elseif s.o == "limited" then close(b, at + s.retry + ${RESET_PAD_MS})
  elseif s.o == "answered" then
    if s.w then tell(b, s.w, flight, at) else untold(b) end
  end
end
`
