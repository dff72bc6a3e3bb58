// The ledger's one script: a beat in, the book out, all of it at once and on Redis' own clock. Keys share a hash tag, so that
// a cluster keeps them on one server.
//
// KEYS[1] about: run (of the server), beat (the last one of any node), claimFrom, swept (the claimFrom for which that was done),
//   deathFrom, version, whole, keys (how many of KEYS[2] to [4] there were), fencing; and the bot's shards: first (slot) and
//   count; and of a reshard other ("first:count:isClosing"), former ("first:count") and configured, which
//   reshard/redis/record-scripts.ts writes
// KEYS[2] nodes: id → "deadline|dead|weight|capacity|draining|busy|invites|knows", the invites "slot:token" with commas, and the
//   claimFrom that it knew last
// KEYS[3] leases: slot → "token|changed|mark|owner", the owner empty where nobody has it; a mark of 1 is pinned, 2 ended
// KEYS[4] changes: slots by the version that changed them last, so that an answer need not hold all leases
// KEYS[5] the record of a reshard, which goes when the bot begins anew with other shards
// ARGV[1] the beat as JSON, ARGV[2] the channel for changes: a line that names who made it, and one for each node that it is
// about; without these it is about all of them.
// ARGV[3] what the caller knows the leases of: "claimFrom:version"
// ARGV[4] how nodes are fenced, for a ledger that was lost
//
// Tokens and the version are milliseconds of the clock, or one more than the last: so they grow on even when a failover or a
// restart without persistence has taken the last ones away. Where the server is another one than before (`run`), or a key
// is gone that was there, the ledger is opened anew: what it knows may be old, or less than all. Until a lease has passed, and
// the connections of those that are not back were ended, nobody takes anything, and whoever holds a later token is written in.

export const EXCHANGE_SCRIPT = `
local about, nodesKey, leasesKey, changesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local beat = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, leaseMs = beat.node.id, beat.leaseMs
local changed = false
-- Nodes that a change is about; it is about all once isForAll.
local concerned, isForAll = {}, false

local function int(value) return string.format('%.0f', value) end
local function number(field) return tonumber(redis.call('HGET', about, field) or '0') end
local function setText(first, count) return int(first) .. ':' .. int(count) end
local theirSet = setText(beat.set.firstSlot, beat.set.count)
local function writeSet() redis.call('HSET', about, 'first', int(beat.set.firstSlot), 'count', int(beat.set.count)) end

local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'
if redis.call('HEXISTS', about, 'run') == 0 then
  redis.call('HSET', about, 'deathFrom', '0', 'version', int(now), 'whole', int(now))
  writeSet()
end
local function keysThere() return redis.call('EXISTS', nodesKey, leasesKey, changesKey) end
local isOpened = redis.call('HGET', about, 'run') ~= run or keysThere() < number('keys')
if isOpened then
  redis.call('HSET', about, 'run', run, 'claimFrom', int(now + leaseMs), 'swept', '0')
  redis.call('HSETNX', about, 'fencing', ARGV[4])
  redis.call('DEL', changesKey)
end
if isOpened or now - number('beat') > leaseMs / 2 then
  redis.call('HSET', about, 'deathFrom', int(now + leaseMs / 4))
end
redis.call('HSET', about, 'beat', int(now))
local claimFrom, deathFrom = number('claimFrom'), number('deathFrom')
local version = number('version')
local nextVersion = math.max(version + 1, now)
-- claimFrom is another one each time that the ledger is opened.
local knownEra, knownVersion = string.match(ARGV[3], '^(%d+):(%d+)$')
if knownEra ~= int(claimFrom) then knownVersion = nil end

local nodes = {}
local flatNodes = redis.call('HGETALL', nodesKey)
for i = 1, #flatNodes, 2 do
  local deadline, dead, rest, knows = string.match(flatNodes[i + 1], '^(%d+)|(%d)|(.*)|(%d*)$')
  nodes[flatNodes[i]] = { deadline = tonumber(deadline), dead = dead == '1', rest = rest, knows = knows }
end
local function nodeText(node)
  return int(node.deadline) .. '|' .. (node.dead and '1' or '0') .. '|' .. node.rest .. '|' .. node.knows
end
local function writeNode(id, node) redis.call('HSET', nodesKey, id, nodeText(node)) end

local function readLease(shard)
  local text = redis.call('HGET', leasesKey, shard)
  if not text then return nil end
  local token, changedMs, mark, owner = string.match(text, '^(%d+)|(%d+)|(%d)|(.*)$')
  return { token = tonumber(token), mark = mark, owner = owner, changedMs = tonumber(changedMs) }
end
local function changedFor(id)
  changed = true
  if id then concerned[id] = true else isForAll = true end
end
local function writeLease(shard, token, mark, owner, onlyFor)
  changedFor(onlyFor)
  redis.call('ZADD', changesKey, int(nextVersion), shard)
  redis.call('HSET', leasesKey, shard, int(token) .. '|' .. int(now) .. '|' .. mark .. '|' .. owner)
end
local function nextToken(lease) return lease and math.max(lease.token + 1, now) or now end
local function freeWhere(isGone)
  local flat = redis.call('HGETALL', leasesKey)
  for i = 1, #flat, 2 do
    local lease = readLease(flat[i])
    if lease.owner ~= '' and isGone(lease.owner) then writeLease(flat[i], lease.token, '0', '') end
  end
end

local function free(id) freeWhere(function(owner) return owner == id end) end
local function isNow(ledger) return type(ledger) == 'number' and int(ledger) == int(claimFrom) end

for _, id in ipairs(beat.fenced) do
  if nodes[id] and nodes[id].dead then
    free(id)
    redis.call('HDEL', nodesKey, id)
    nodes[id] = nil
    changedFor(nil)
  end
end

local isSwept = redis.call('HGET', about, 'swept') == int(claimFrom)
if not isSwept and isNow(beat.swept) then
  isSwept = true
  redis.call('HSET', about, 'swept', int(claimFrom))
  -- Nobody else would: whoever fences finds them among the nodes.
  freeWhere(function(owner) return not nodes[owner] end)
  changedFor(nil)
end

local status = 'member'
local set = setText(number('first'), number('count'))
local other = redis.call('HGET', about, 'other') or ''
-- Of a reshard one may know more, or after a failover less, than the ledger.
local isOneOfTwo = string.match(other, '^%d+:%d+') == theirSet or redis.call('HGET', about, 'former') == theirSet
if set ~= theirSet and not isOneOfTwo then
  local isAlone = true
  for id in pairs(nodes) do if id ~= me then isAlone = false end end
  if isAlone then
    writeSet()
    redis.call('HSET', about, 'whole', int(nextVersion))
    redis.call('HDEL', about, 'other', 'former', 'configured')
    redis.call('DEL', leasesKey, changesKey, KEYS[5])
    set, other = theirSet, ''
    changedFor(nil)
  else
    status = 'other-count'
  end
end
local function hasSlot(text, slot)
  local first, count = string.match(text, '^(%d+):(%d+)')
  return first and slot >= tonumber(first) and slot < tonumber(first) + tonumber(count)
end
if status == 'member' and nodes[me] and nodes[me].dead then status = 'fenced' end

if status == 'member' then
  -- Who knows this very version holds by it what it holds.
  local unsure = int(version) ~= knownVersion and beat.held or {}
  for _, held in ipairs(unsure) do
    local lease = readLease(held.shard)
    local isThere = hasSlot(set, held.shard) or hasSlot(other, held.shard)
    if isThere and (not lease or lease.token < held.token) then writeLease(held.shard, held.token, '0', me) end
  end
  for _, given in ipairs(beat.handOvers) do
    local lease = readLease(given.shard)
    if lease and lease.owner == me and lease.token == given.token then
      local to = given.to
      local isThere = to == me or to ~= cjson.null and nodes[to] and not nodes[to].dead
      if given.isEnded then writeLease(given.shard, lease.token, '2', '')
      elseif isThere then writeLease(given.shard, nextToken(lease), given.isPinned and '1' or '0', to, to)
      else writeLease(given.shard, lease.token, '0', '') end
    end
  end
  if beat.isLeaving then
    if nodes[me] then
      free(me)
      redis.call('HDEL', nodesKey, me)
      nodes[me] = nil
      changedFor(nil)
    end
  else
    local share = string.format('%.17g|%d|%d|%d|', beat.node.weight, beat.node.capacity,
      beat.node.isDraining and 1 or 0, beat.node.isBusy and 1 or 0)
    local invites = {}
    for i, invite in ipairs(beat.node.invites) do invites[i] = int(invite.shard) .. ':' .. int(invite.token) end
    local rest = share .. table.concat(invites, ',')
    if not nodes[me] or string.sub(nodes[me].rest, 1, #share) ~= share then
      changedFor(nil)
    elseif nodes[me].rest ~= rest then
      changed = true
      for _, invite in ipairs(beat.node.invites) do
        local lease = readLease(int(invite.shard))
        if lease and lease.owner ~= '' then changedFor(lease.owner) end
      end
    end
    local knows = type(beat.knows) == 'number' and int(beat.knows) or ''
    nodes[me] = { deadline = now + leaseMs, dead = false, rest = rest, knows = knows }
    writeNode(me, nodes[me])
    if now >= claimFrom and isSwept then
      for _, shard in ipairs(beat.claims) do
        local lease = readLease(shard)
        local isThere = hasSlot(set, shard) or hasSlot(other, shard)
        if isThere and (not lease or lease.owner == '' and lease.mark ~= '2') then writeLease(shard, nextToken(lease), '0', me) end
      end
    end
  end
end

for id, node in pairs(nodes) do
  if id ~= me and not node.dead and math.max(node.deadline, deathFrom) < now then
    node.dead = true
    writeNode(id, node)
    changedFor(nil)
  end
end

if changed then
  version = nextVersion
  redis.call('HSET', about, 'version', int(version))
  local news = me
  for id in pairs(isForAll and {} or concerned) do news = news .. '\\n' .. id end
  if isForAll or news ~= me then redis.call('PUBLISH', ARGV[2], news) end
end
local flat = {}
for id, node in pairs(nodes) do
  flat[#flat + 1] = id
  flat[#flat + 1] = nodeText(node)
end
local known = tonumber(knownVersion)
local isPart = known ~= nil and known >= number('whole') and known <= version
local leases = {}
if isPart then
  for _, shard in ipairs(redis.call('ZRANGEBYSCORE', changesKey, '(' .. knownVersion, '+inf')) do
    leases[#leases + 1] = shard
    leases[#leases + 1] = redis.call('HGET', leasesKey, shard)
  end
else
  leases = redis.call('HGETALL', leasesKey)
end
redis.call('HSET', about, 'keys', int(keysThere()))
local now = int(now)
local version = int(claimFrom) .. ':' .. int(version)
return { status, now, int(claimFrom), isSwept and 1 or 0, set, other, version, flat, isPart and 1 or 0, leases }
`
