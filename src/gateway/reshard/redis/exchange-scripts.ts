// The steps by which the guilds of a pair of shards change hands. Each is refused unless the reshard that it is of still runs
// and its phase lets guilds go that way, so that nothing changes hands behind a leader who has stored another phase.
//
// KEYS: record, changes, attempts, over
// ARGV[1] the reshard's id, ARGV[2] the pair, "old:new", and what each step takes

const SHARED = `
local record, changes, attempts, over = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local pair = ARGV[2]
local isOurs = redis.call('HGET', record, 'id') == ARGV[1]
local function allows(to)
  local phase = redis.call('HGET', record, 'phase')
  return isOurs and phase == (to == 'new' and 'cutting' or 'undoing')
end
-- Whether nobody has begun with the shard since: who was paused may come too late.
local function owns(owner, begun)
  return tonumber(redis.call('HGET', attempts, owner) or '0') <= tonumber(begun)
end
local function stored() return redis.call('HGET', changes, pair) or '[]' end
local function has(list, attempt) return string.find(list, '"attempt":"' .. attempt .. '"', 1, true) ~= nil end
local function length(list)
  local _, count = string.gsub(list, '"attempt":', '')
  return count
end
local function store(list, to)
  redis.call('HSET', changes, pair, list)
  redis.call(to == 'new' and 'SADD' or 'SREM', over, pair)
end
`

/** ARGV[3] to, [4] the attempt, [5] the channel, [6] the news, [7] whose shard it is, [8] which beginning of it */
const OFFER = `
if not allows(ARGV[3]) or not owns(ARGV[7], ARGV[8]) then return 0 end
redis.call('HSET', attempts, pair, ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
`

/** ARGV[3] to, [4] the attempt, [5] the channel, [6] the news, [7] whose shard it is, [8] which beginning of it, [9] the change as JSON */
const SETTLE = `
local list = stored()
if isOurs and has(list, ARGV[4]) then return 1 end
if not allows(ARGV[3]) or not owns(ARGV[7], ARGV[8]) then return 0 end
if redis.call('HGET', attempts, pair) ~= ARGV[4] then return 0 end
redis.call('HDEL', attempts, pair)
store(list == '[]' and '[' .. ARGV[9] .. ']' or string.sub(list, 1, -2) .. ',' .. ARGV[9] .. ']', ARGV[3])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
`

/** ARGV[3] the attempt. Answers the pair's changes where it was taken before. */
const WITHDRAW = `
local list = stored()
if isOurs and has(list, ARGV[3]) then return list end
if redis.call('HGET', attempts, pair) == ARGV[3] then redis.call('HDEL', attempts, pair) end
return ''
`

/** ARGV[3] who publishes in the end, [4] the changes as JSON */
const RESTORE = `
if isOurs and length(stored()) < length(ARGV[4]) then store(ARGV[4], ARGV[3]) end
return 1
`

export const OFFER_SCRIPT = `${SHARED}${OFFER}`
export const SETTLE_SCRIPT = `${SHARED}${SETTLE}`
export const WITHDRAW_SCRIPT = `${SHARED}${WITHDRAW}`
export const RESTORE_SCRIPT = `${SHARED}${RESTORE}`

/**
 * KEYS as above, then the leases; ARGV[1] the id, [2] whose shard begins, "" for nobody's, [3] its slot and [4] who must hold its lease,
 * both "" where that is not asked for, and the pairs, whose attempts end then. Answers which beginning it is, and the changes of each pair.
 */
export const READ_SCRIPT = `
local lists = {}
if ARGV[2] ~= '' and ARGV[3] ~= '' then
  local owner = string.match(redis.call('HGET', KEYS[5], ARGV[3]) or '', '^%d+|%d+|%d|(.*)$')
  if owner ~= ARGV[4] then return 'not-held' end
end
local isOurs = redis.call('HGET', KEYS[1], 'id') == ARGV[1]
local begins = isOurs and ARGV[2] ~= ''
lists[1] = begins and redis.call('HINCRBY', KEYS[3], ARGV[2], 1) or 0
for at = 5, #ARGV do
  if begins then redis.call('HDEL', KEYS[3], ARGV[at]) end
  lists[#lists + 1] = isOurs and redis.call('HGET', KEYS[2], ARGV[at]) or '[]'
end
return lists
`
