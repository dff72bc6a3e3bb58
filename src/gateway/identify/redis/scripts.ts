// The steps of the identify line as Redis runs them, atomically and by its own clock. Keys, all of one slot:
//
//   {prefix:identify}:state   hash: run, open, concurrency, total, left, read, resets, reading, reader, busy:KEY, holder:KEY
//   {prefix:identify}:line    sorted set of places, by key and slot
//   {prefix:identify}:seen    the same places, by when they lapse
//   {prefix:identify}:taken   hash: the last identifies of each slot, for the breaker
//
// Times are the server's, in milliseconds. After a restart or a failover the server is another one (`run`): what it knows
// may be old, and its clock a different one, so no slot is given until everything that was granted before must be over. A
// server that knows nothing at all is new to us, unless it has just started or was a replica: then it may have forgotten.

/** What the scripts take the time from. A test gives another. */
export const SERVER_CLOCK = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local function info(section, pattern)
    local text = redis.pcall('INFO', section)
    return type(text) == 'string' and string.match(text, pattern) or nil
  end
  local run = info('server', 'run_id:(%w+)') or 'unknown'
  local function mayForget(holdMs)
    local upSeconds = tonumber(info('server', 'uptime_in_seconds:(%d+)')) or 0
    local wasReplica = info('replication', 'master_replid2:(0*)%s') == nil
    return wasReplica or (upSeconds - 1) * 1000 < holdMs
  end
`

const SHARED = `
  local STATE, LINE, SEEN, TAKEN = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
  local SHARDS = 1048576
  local ask = cjson.decode(ARGV[1])
  local function field(name) return tonumber(redis.call('HGET', STATE, name)) end
  local function placeOf(ticket) return tonumber(string.match(ticket, '^%d+')) end
  local function keyOf(ticket, concurrency)
    return (tonumber(string.match(ticket, '^%d+:[^:]+:%d+:(%d+)')) or placeOf(ticket)) % concurrency
  end
  local function first(key)
    while true do
      local ticket = redis.call('ZRANGEBYSCORE', LINE, key * SHARDS, (key + 1) * SHARDS - 1, 'LIMIT', 0, 1)[1]
      if not ticket then return nil end
      local lapses = tonumber(redis.call('ZSCORE', SEEN, ticket))
      if lapses and lapses >= now and lapses <= now + ask.placeMs then return ticket end
      redis.call('ZREM', LINE, ticket)
      redis.call('ZREM', SEEN, ticket)
    end
  end
  local function wake(key)
    local ticket = first(key)
    local process = ticket and string.match(ticket, ':([^:]+):')
    if process and process ~= ask.process then redis.pcall('PUBLISH', ask.channel .. process, '') end
  end
`

const SYNC = `
  if redis.call('HGET', STATE, 'run') ~= run then
    local isOther = redis.call('EXISTS', STATE) == 1 or mayForget(ask.holdMs)
    redis.call('HSET', STATE, 'run', run, 'open', isOther and now + ask.holdMs or now)
    redis.call('HDEL', STATE, 'read', 'reading', 'reader')
  end
  local concurrency = field('concurrency')
  local function identifies(shard)
    local times = {}
    for text in string.gmatch(redis.call('HGET', TAKEN, shard) or '', '%d+') do
      local at = tonumber(text)
      if at > now - ask.breakerMs and at <= now then table.insert(times, at) end
    end
    return times
  end
  local function remember(shard, times)
    redis.call('HSET', TAKEN, shard, table.concat(times, ','))
    redis.call('PEXPIRE', TAKEN, ask.breakerMs)
  end
  local function breakerMs(shard)
    local times = identifies(shard)
    if #times < ask.breakerLimit then return 0 end
    return times[#times - ask.breakerLimit + 1] + ask.breakerMs - now
  end
  local function held(ticket)
    local key = concurrency and keyOf(ticket, concurrency)
    return key and redis.call('HGET', STATE, 'holder:' .. key) == ticket and key
  end
  local changed = {}
  for _, ticket in ipairs(ask.used) do
    local key = held(ticket)
    if key then
      redis.call('HDEL', STATE, 'holder:' .. key)
      redis.call('HSET', STATE, 'busy:' .. key, now + ask.busyMs)
      changed[key] = true
    end
  end
  for _, ticket in ipairs(ask.gone) do
    local key = held(ticket)
    if key then
      redis.call('HDEL', STATE, 'holder:' .. key)
      redis.call('HSET', STATE, 'busy:' .. key, now)
      local times = identifies(placeOf(ticket))
      table.remove(times)
      remember(placeOf(ticket), times)
    end
    if concurrency then changed[keyOf(ticket, concurrency)] = true end
    redis.call('ZREM', LINE, ticket)
    redis.call('ZREM', SEEN, ticket)
  end
  local total, left = field('total'), field('left')
  local granted, broken, wait, status = {}, {}, -1, 'open'
  local function sooner(ms) if wait == -1 or ms < wait then wait = math.max(1, ms) end end
  for _, ticket in ipairs(ask.waiting) do
    local ms = breakerMs(placeOf(ticket))
    if ms > 0 then
      table.insert(broken, ticket)
      table.insert(broken, ms)
      redis.call('ZREM', LINE, ticket)
      redis.call('ZREM', SEEN, ticket)
    else
      redis.call('ZADD', SEEN, now + ask.placeMs, ticket)
      if concurrency then
        redis.call('ZADD', LINE, keyOf(ticket, concurrency) * SHARDS + placeOf(ticket), ticket)
      end
    end
  end
  redis.call('PEXPIRE', SEEN, ask.idleMs)
  redis.call('PEXPIRE', LINE, ask.idleMs)
  local read, resets = field('read'), field('resets') or 0
  local isRead = read and now >= read and now < read + ask.budgetMs and now < resets
  if #ask.waiting > 0 and not isRead then
    local reading = field('reading') or 0
    local isOther = redis.call('HGET', STATE, 'reader') ~= ask.process
    if isOther and reading > now and reading <= now + ask.readingMs + ask.postponeMs then
      status = 'reading'
      sooner(reading - now)
    else
      status = 'read'
      redis.call('HSET', STATE, 'reading', now + ask.readingMs, 'reader', ask.process)
    end
  elseif #ask.waiting > 0 then
    local open = math.min(field('open') or 0, now + ask.holdMs)
    for _, ticket in ipairs(ask.waiting) do
      local place = placeOf(ticket)
      local key = keyOf(ticket, concurrency)
      local reserve = ask.reserve
      if string.find(ticket, ':beside', 1, true) then reserve = reserve * ask.besideReserves end
      if left <= reserve then
        status = 'spent'
        sooner(resets - now)
      elseif first(key) == ticket then
        local free = math.max(open, math.min(field('busy:' .. key) or 0, now + ask.holdMs))
        if free > now then
          sooner(free - now)
        else
          left = left - 1
          redis.call('HSET', STATE, 'busy:' .. key, now + ask.holdMs, 'holder:' .. key, ticket, 'left', left)
          redis.call('PEXPIRE', STATE, ask.dayMs)
          redis.call('ZREM', LINE, ticket)
          redis.call('ZREM', SEEN, ticket)
          local times = identifies(place)
          table.insert(times, now)
          remember(place, times)
          table.insert(granted, ticket)
        end
      end
    end
  end
  for key in pairs(changed) do wake(key) end
  return { status, wait, left or -1, total or -1, granted, broken }
`

const BUDGET = `
  if redis.call('HGET', STATE, 'reader') ~= ask.process then return 0 end
  local concurrency = field('concurrency')
  local left = ask.remaining
  for key = 0, (concurrency or 0) - 1 do
    local holder = redis.call('HGET', STATE, 'holder:' .. key)
    if holder and (field('busy:' .. key) or 0) > now then left = left - 1 end
  end
  if concurrency and concurrency ~= ask.concurrency then
    for key = 0, concurrency - 1 do redis.call('HDEL', STATE, 'holder:' .. key, 'busy:' .. key) end
    redis.call('HSET', STATE, 'open', now + ask.holdMs)
    redis.call('DEL', LINE)
  end
  redis.call('HSET', STATE, 'concurrency', ask.concurrency, 'total', ask.total, 'left', math.max(0, left), 'read', now,
    'resets', now + ask.resetAfterMs)
  redis.call('HDEL', STATE, 'reading', 'reader')
  redis.call('PEXPIRE', STATE, ask.dayMs)
  for key = 0, ask.concurrency - 1 do wake(key) end
  return 1
`

const POSTPONE = `
  if redis.call('HGET', STATE, 'reader') ~= ask.process then return 0 end
  redis.call('HSET', STATE, 'reading', now + ask.delayMs, 'reader', '')
  return 1
`

export interface IdentifyScripts {
  readonly sync: string
  readonly budget: string
  readonly postpone: string
}

export function identifyScripts(clock: string): IdentifyScripts {
  const script = (step: string) => `${clock}${SHARED}${step}`
  return { sync: script(SYNC), budget: script(BUDGET), postpone: script(POSTPONE) }
}
