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

/** ARGV[3] to, [4] the attempt, [5] the channel, [6] the news */
const OFFER = `
if not allows(ARGV[3]) then return 0 end
redis.call('HSET', attempts, pair, ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
`

/** ARGV[3] to, [4] the attempt, [5] the channel, [6] the news, [7] the change as JSON */
const SETTLE = `
local list = stored()
if isOurs and has(list, ARGV[4]) then return 1 end
if not allows(ARGV[3]) or redis.call('HGET', attempts, pair) ~= ARGV[4] then return 0 end
redis.call('HDEL', attempts, pair)
store(list == '[]' and '[' .. ARGV[7] .. ']' or string.sub(list, 1, -2) .. ',' .. ARGV[7] .. ']', ARGV[3])
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

/** KEYS as above; ARGV[1] the id, [2] "1" to end the attempts of these pairs, and the pairs. Answers the changes of each. */
export const READ_SCRIPT = `
local lists = {}
local isOurs = redis.call('HGET', KEYS[1], 'id') == ARGV[1]
for at = 3, #ARGV do
  if isOurs and ARGV[2] == '1' then redis.call('HDEL', KEYS[3], ARGV[at]) end
  lists[#lists + 1] = isOurs and redis.call('HGET', KEYS[2], ARGV[at]) or '[]'
end
return lists
`
