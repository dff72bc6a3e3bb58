// The steps of a reshard that change its record and the ledger of the leases together (fleet/redis-script.ts says what stands
// there).
//
// KEYS: about, nodes, leases, changes (of the ledger); record, changes, attempts, over, live (of the reshard)
// ARGV[1] the channel of the ledger, ARGV[2] that of the record, and what each step takes

const SHARED = `
local about, nodes, leases, leaseChanges = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local record, over = KEYS[5], KEYS[8]
local function int(value) return string.format('%.0f', value) end
local function read(name) return redis.call('HGET', record, name) end
local function number(name) return tonumber(read(name) or '0') end
local function aboutNumber(name) return tonumber(redis.call('HGET', about, name) or '0') end
local function setText(first, count) return int(first) .. ':' .. int(count) end
local function other() return redis.call('HGET', about, 'other') or '' end
local function closing()
  local first, count = string.match(other(), '^(%d+):(%d+):1$')
  return tonumber(first), tonumber(count)
end
local function hasEnded()
  local first, count = closing()
  if not first then return false end
  for slot = first, first + count - 1 do
    local lease = redis.call('HGET', leases, int(slot))
    if lease and string.match(lease, '^%d+|%d+|(%d)') ~= '2' then return false end
  end
  return true
end
local function tell(isLedgerToo)
  redis.call('PUBLISH', ARGV[2], '')
  if isLedgerToo then redis.call('PUBLISH', ARGV[1], '') end
end
`

/** ARGV[3] id, [4] from, [5] to, [6] configured */
const BEGIN = `
local phase = read('phase')
if phase and phase ~= 'done' and phase ~= 'undone' then return 'running' end
if redis.call('HLEN', nodes) == 0 then return 'nobody' end
local first, count = aboutNumber('first'), aboutNumber('count')
if count ~= tonumber(ARGV[4]) then return 'other-count' end
local toSlot = math.max(first + count, number('toSlot') + number('to'))
redis.call('DEL', KEYS[6], KEYS[7], over, KEYS[9])
redis.call('HSET', record, 'id', ARGV[3], 'from', int(count), 'to', ARGV[5], 'fromSlot', int(first), 'toSlot', int(toSlot),
  'phase', 'opening', 'reason', '', 'configured', ARGV[6])
redis.call('HSET', about, 'other', setText(toSlot, ARGV[5]) .. ':0')
tell(true)
return 'begun'
`

/** ARGV[3] id, [4] the phase that it must have, [5] the next one, [6] the reason or "" */
const ADVANCE = `
if read('id') ~= ARGV[3] or read('phase') ~= ARGV[4] then return 0 end
local isFinal = ARGV[5] == 'done' or ARGV[5] == 'undone'
if isFinal then
  if not hasEnded() then return 0 end
  local first, count = closing()
  for slot = first, first + count - 1 do
    redis.call('HDEL', leases, int(slot))
    redis.call('ZREM', leaseChanges, int(slot))
  end
  local time = redis.call('TIME')
  local version = math.max(aboutNumber('version') + 1, time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('HSET', about, 'version', int(version), 'whole', int(version))
  redis.call('HDEL', about, 'other')
end
redis.call('HSET', record, 'phase', ARGV[5], 'reason', ARGV[6])
tell(isFinal)
return 1
`

/** ARGV[3] id */
const CLOSE_SET = `
if read('id') ~= ARGV[3] then return 0 end
local from, to = setText(number('fromSlot'), number('from')), setText(number('toSlot'), number('to'))
if read('phase') == 'closing' and other() == to .. ':0' then
  redis.call('HSET', about, 'first', read('toSlot'), 'count', read('to'), 'former', from, 'other', from .. ':1',
    'configured', read('configured'))
  tell(true)
elseif read('phase') == 'undoing' and redis.call('SCARD', over) == 0 and other() == to .. ':0' then
  redis.call('HSET', about, 'other', to .. ':1')
  tell(true)
end
return hasEnded() and 1 or 0
`

export const BEGIN_SCRIPT = `${SHARED}${BEGIN}`
export const ADVANCE_SCRIPT = `${SHARED}${ADVANCE}`
export const CLOSE_SET_SCRIPT = `${SHARED}${CLOSE_SET}`

/** KEYS[1] leader; ARGV[1] the process, [2] for how long. */
export const LEAD_SCRIPT = `
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`

/** KEYS[1] leader; ARGV[1] the process. */
export const RESIGN_SCRIPT = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`
