// One token's turn, in Lua: what its answers say is taken in first, then permits are given out, all on Redis' own clock and
// in one step. The keys are one token's and share its slot in a cluster:
//   token    JSON: the global limit's state, and until when the token is refused
//   places   sorted set: a member for each request that counts in the global limit
//   routes   hash: template → the name of the bucket that it was last seen to share
//   lane     JSON, one a route and major parameter: its bucket's name, or while none is known its bucket itself, and limits
//            that no header shows
//   bucket   JSON, see bucket-script.ts
// Each expires some time after nothing of it holds any more.

import { CUT_OFF_MS } from "../holds.ts"
import { BUCKET_SCRIPT, LEASE_MS, WAITING_MS } from "./bucket-script.ts"
import { AHEAD_MS, MAX_AHEAD, PACE_SCRIPT } from "./pace-script.ts"

/** Keys outlive what they hold by this. */
const KEEP_MS = 60_000
const KEEP_LANE_MS = 600_000
const KEEP_ROUTES_MS = 3_600_000
/** Routes of a token whose bucket is remembered for major parameters that were not seen yet. */
const MAX_ROUTES = 1_000

export const TURN_SCRIPT = /* lua */ `
${BUCKET_SCRIPT}
${PACE_SCRIPT}
local request = cjson.decode(ARGV[1])
local me, configured = request.me, request.per
local now = request.now
if now == nil then
  local time = redis.call("TIME")
  now = floor(time[1] * 1000 + time[2] / 1000)
end
-- Whoever sent this has given it up and decides without us: nothing of it may count.
if request.before and now > request.before then return cjson.encode({ late = true, now = now }) end

local TOKEN, PLACES, ROUTES = KEYS[1], KEYS[2], KEYS[3]
local documents = {}

local function load(key)
  local known = documents[key]
  if known == nil then
    local text = redis.call("GET", key)
    known = text and cjson.decode(text) or false
    documents[key] = known
  end
  return known or nil
end

local function bucketAt(key)
  local b = load(key)
  if b == nil then
    b = newBucket()
    documents[key] = b
  end
  return b
end

local function laneAt(e)
  local key = KEYS[e.l]
  local lane = load(key)
  if lane == nil then
    local name = redis.call("HGET", ROUTES, e.t)
    lane = {}
    if name then lane.m = name else lane.b = newBucket() end
    documents[key] = lane
  end
  return lane
end

local moved = {}
local function isElsewhere(e, lane)
  if (lane.m or "") == e.m then return false end
  moved[#moved + 1] = { e.l, lane.m or "" }
  return true
end

local function bucketOf(e, lane)
  local b = lane.b or bucketAt(KEYS[e.b])
  if b.now ~= now then
    b.now = now
    expire(b, now)
    if b.route == nil then b.route = e.t elseif b.route ~= e.t then b.many = true end
  end
  return b
end

local token = load(TOKEN) or {}
documents[TOKEN] = token
redis.call("ZREMRANGEBYSCORE", PLACES, "-inf", now)

local function remember(template, name)
  if redis.call("HEXISTS", ROUTES, template) == 1 or redis.call("HLEN", ROUTES) < ${MAX_ROUTES} then
    redis.call("HSET", ROUTES, template, name)
  end
end

-- Moves a lane to the bucket that its answer names, or out of one that the answer contradicts.
local function learn(s, lane, b, at, contradicted)
  local own = s.name .. " " .. s.t
  if lane.m == own or (lane.m == s.name and not contradicted) then return end
  if lane.m == s.name then
    lane.m = own
  elseif lane.m then
    lane.m = s.name
    hear(bucketAt(KEYS[s.n]), s.w, at)
  else
    local shared = load(KEYS[s.n])
    if shared == nil then
      documents[KEYS[s.n]] = b
    else
      for id, flight in pairs(b.flights) do shared.flights[id] = { e = -1, p = false, r = 0, x = flight.x } end
      if shared.route ~= s.t then shared.many = true end
      hear(shared, s.w, at)
    end
    lane.m = s.name
    lane.b = nil
  end
  moved[#moved + 1] = { s.l, lane.m }
  remember(s.t, lane.m)
end

local again, wakes = {}, false
for index, s in ipairs(request.settle) do
  local lane = laneAt(s)
  if isElsewhere(s, lane) then
    again[#again + 1] = index - 1
  else
    local at = now - s.ago
    local b = bucketOf(s, lane)
    if lane.busy and lane.busy.id == s.id then lane.busy = nil end
    if s.hidden then
      lane.cautious = true
      if s.hidden > 0 then lane.blocked = at + s.hidden end
    end
    freePlace(token, PLACES, s, at, now)
    if s.global then limitToken(token, s.global, configured, at, now) end
    if s.cut then token.cut = at + ${CUT_OFF_MS} end
    local flight = b.flights[s.id]
    local contradicted = s.w and flight and b.many and contradicts(b, s.w, flight, at)
    settle(b, s, at)
    if s.name then learn(s, lane, b, at, contradicted) end
    if s.cut or othersWait(b, me) then wakes = true end
  end
end

for _, h in ipairs(request.hold) do
  local lane = laneAt(h)
  if not isElsewhere(h, lane) then
    local b = bucketOf(h, lane)
    for _, id in ipairs(h.ids) do
      if b.flights[id] then b.flights[id].x = now + ${LEASE_MS} end
      if lane.busy and lane.busy.id == id then lane.busy.x = now + ${LEASE_MS} end
    end
  end
end

-- Who wants more than one permit gets one in turn with the others.
local answers, ahead, globalAt = {}, 0, nil
local function tryGrant(w, answer)
  if globalAt and not w.o then
    answer.o = globalAt - now
    answer.why = "global"
    return false
  end
  local lane = laneAt(w)
  if isElsewhere(w, lane) then
    answer.why = "moved"
    return false
  end
  local b = bucketOf(w, lane)
  answer.b = b
  local opens = opensAt(b, now, me)
  if lane.blocked and now < lane.blocked then opens = lane.blocked end
  if lane.cautious and lane.busy and now < lane.busy.x then opens = NEVER end
  if opens > now then
    b.waiting[me] = (opens == NEVER and now or opens) + ${WAITING_MS}
    answer.o = opens == NEVER and -1 or opens - now
    answer.why = "bucket"
    return false
  end
  local start = now
  if not w.o then
    start = startsAt(token, PLACES, configured, now)
    if start > now + ${AHEAD_MS} or (start > now and ahead >= ${MAX_AHEAD}) then
      globalAt = max(now + 1, start - ${AHEAD_MS})
      return tryGrant(w, answer)
    end
    if start > now then ahead = ahead + 1 end
  end
  local id = me .. ":" .. string.format("%.0f", w.first + #answer.g)
  if not w.o then takePlace(token, PLACES, id, start) end
  take(b, id, now, start - now, me)
  if lane.cautious then lane.busy = { id = id, x = now + ${LEASE_MS} } end
  answer.g[#answer.g + 1] = start - now
  if #answer.g == w.k then
    b.waiting[me] = nil
    return false
  end
  return true
end

local open = {}
for index, w in ipairs(request.want) do
  answers[index] = { g = {} }
  open[index] = index
end
while #open > 0 do
  local still = {}
  for _, index in ipairs(open) do
    if tryGrant(request.want[index], answers[index]) then still[#still + 1] = index end
  end
  open = still
end
for _, answer in ipairs(answers) do
  local b = answer.b
  answer.b = b and { b.know, b.limit, b.left, inFlight(b), max(0, b.reset - now), b.window }
end

local function save(key, value)
  local keep = ${KEEP_MS}
  if key == TOKEN then
    keep = keep + max(0, (value.cut or 0) - now, (value.blocked or 0) - now, (value.raise or 0) - now)
  else
    local b = value.b or value
    b.now = nil
    if b.reset then keep = keep + max(0, b.reset - now) + b.window end
    if value.m or value.b then keep = max(keep, ${KEEP_LANE_MS}) + max(0, (value.blocked or 0) - now) end
  end
  redis.call("SET", key, cjson.encode(value), "PX", string.format("%.0f", keep))
end
for key, value in pairs(documents) do
  if value then save(key, value) end
end
redis.call("PEXPIRE", PLACES, ${KEEP_MS})
redis.call("PEXPIRE", ROUTES, ${KEEP_ROUTES_MS})
if wakes then redis.call("PUBLISH", ARGV[2], me .. " " .. ARGV[3]) end
return cjson.encode({
  now = now, answers = answers, moved = moved, again = again,
  cut = max(0, (token.cut or 0) - now), blocked = max(0, (token.blocked or 0) - now), per = token.per or configured,
})
`
