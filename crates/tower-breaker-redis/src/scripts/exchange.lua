-- What one instance has to say of some circuits, and what the fleet has to say of them. All decisions of the fleet are made
-- here, in one step and by Redis's own time; what comes from an instance are counts, durations and the epoch it knows.
--
-- KEYS     a hash for each circuit
-- ARGV     instance, expiry, lease, quorum, sent, then 18 for each circuit, as `wire.rs` lists them; times in milliseconds
-- Returns  now, then for each circuit a line of words as `wire.rs` reads them, or "! reason"
--
-- Fields   e epoch, s state (c closed, r closed by a reset, o open, fo and fc forced), at since when, w open wait, n opens in
--          a row, l who probes, lu until when, m mode, x enforcement, u end of a force (-1: none), r who saw failures and when,
--          0..9 buckets "start calls failures slow"
local STRIDE, FIRST, BUCKETS = 18, 5, 10
local FIELDS = { 'e', 's', 'at', 'w', 'n', 'l', 'lu', 'm', 'x', 'u', 'r', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' }
local STATES = { c = true, r = true, o = true, fo = true, fc = true }

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, expiry, lease, quorum = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local sent = tonumber(ARGV[5])

local function int(n) return string.format('%.0f', n) end

-- What instances read: times and counts a double holds exactly, waits as long as they can be told, opens in 32 bits.
local MOST, LONGEST, OPENS = 9e15, 3e12, 2 ^ 32 - 1
local function whole(text, least, most)
  local n = tonumber(text)
  if n and n == math.floor(n) and n >= least and n <= most then return n end
end
local function share(text)
  local n = string.match(text, '^%d*%.?%d*$') and tonumber(text)
  return n and n <= 1
end

local function one(key, a)
  local v = redis.pcall('HMGET', key, unpack(FIELDS))
  if v.err then return '! ' .. v.err end

  -- A field changed by hand to what it cannot be counts as not there, and is said.
  local damaged = '-'
  local function number(i, default, least, most)
    if not v[i] then return default end
    local n = whole(v[i], least, most)
    if not n then damaged = FIELDS[i] end
    return n or default
  end
  local e, at, w, n = number(1, 0, 0, MOST), number(3, now, 0, MOST), number(4, 0, 0, LONGEST), number(5, 0, 0, OPENS)
  local s, l, lu, u = v[2] or 'c', v[6] or '', number(7, 0, 0, MOST), number(10, -1, -1, MOST)
  local m, x, r = v[8] or '-', v[9] or '-', v[11] or ''
  if not STATES[s] then s, damaged = 'c', 's' end
  if m ~= '-' and m ~= 'e' and m ~= 'o' then m, damaged = '-', 'm' end
  if x ~= '-' and not share(x) then x, damaged = '-', 'x' end
  local dirty, cleared = false, false
  -- Redis's own clock may have been set back: nothing began in the future, no force and no lease outlasts its length. It is
  -- written, or it would begin anew with each look.
  if at > now then
    if u >= 0 then u = math.max(u - (at - now), 0) end
    at, dirty = now, true
  end
  if lu > now + lease then lu, dirty = now + lease, true end

  local known, known_s = tonumber(a(1)), a(2)
  local calls, failures, slow = tonumber(a(8)), tonumber(a(9)), tonumber(a(10))
  local width, failure_rate, slow_rate, minimum = tonumber(a(11)), tonumber(a(12)), tonumber(a(13)), tonumber(a(14))
  local base, growth, cap = tonumber(a(15)), tonumber(a(16)), tonumber(a(17))
  local act = a(18)

  local function clear() r, cleared, l, lu = '', true, '', 0 end
  local function enter(state, since, wait)
    e, s, at, w, dirty = e + 1, state, since, wait, true
    clear()
  end
  local function grown(row) return math.min(cap, base * growth ^ math.min(row - 1, 1000)) end

  -- The instance remembers more than Redis, which was emptied, restarted or lost its last writes.
  if known > e then
    e, s, n, m, x = known, known_s, tonumber(a(4)), a(5), a(6)
    local left = tonumber(a(7))
    at, w, u, dirty = now, math.floor(tonumber(a(3))), left < 0 and -1 or now + left, true
    clear()
  end
  if s == 'fo' and u >= 0 and now >= u then enter('o', now, 0) end

  -- What stood in a socket for long speaks of another time.
  local late = sent > 0 and now - sent > width * BUCKETS
  local current = known == e and not late

  if late then act = '-' end
  if act == 'keep' then
    e, m, x, dirty = e + 1, a(5), a(6), true
  elseif act == 'hand' then
    local left = tonumber(a(7))
    m, x, n, u = a(5), a(6), 0, left < 0 and -1 or now + left
    enter(known_s, now, 0)
  elseif s == 'o' and current then
    local mine = l == me
    local free = l == '' or now >= lu
    if act == 'close' then
      n = 0
      enter('c', now, 0)
    elseif act == 'reopen' and (mine or free) then
      n = math.min(n + 1, OPENS)
      enter('o', now, math.floor(math.min(cap, math.max(grown(n), tonumber(a(3))))))
    elseif act == 'want' and now >= at + w and (mine or free) then
      l, lu, dirty = me, now + lease, true
    elseif act == 'leave' and mine then
      -- News, so that who was told to wait for the end of the lease asks again.
      e, l, lu, dirty = e + 1, '', 0, true
    end
  end

  -- Deltas count in the epoch they were gathered in, while closed.
  local open = s == 'o' or s == 'fo'
  local slot, start = -1, 0
  local sum_calls, sum_failures, sum_slow = 0, 0, 0
  local report = current and known == e and not open and calls > 0
  if report then
    slot = math.floor(now / width) % BUCKETS
    start = math.floor(now / width) * width
  end
  local bucket
  for i = 0, BUCKETS - 1 do
    local b, c, f, o = -1, 0, 0, 0
    local text = v[12 + i]
    if text and not cleared then
      b, c, f, o = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$')
      b, c, f, o = whole(b, 0, MOST), whole(c, 0, MOST), whole(f, 0, MOST), whole(o, 0, MOST)
      if not (b and c and f and o) then
        b, c, f, o, damaged = -1, 0, 0, 0, FIELDS[12 + i]
        redis.call('HDEL', key, damaged)
      end
    end
    if i == slot then
      if b ~= start then c, f, o = 0, 0, 0 end
      b, c, f, o = start, c + calls, f + failures, o + slow
      bucket = int(b) .. ' ' .. int(c) .. ' ' .. int(f) .. ' ' .. int(o)
    end
    if b > now - width * BUCKETS and b <= now then
      sum_calls, sum_failures, sum_slow = sum_calls + c, sum_failures + f, sum_slow + o
    end
  end

  -- The instances that last saw failures, newest first; as many as the question needs.
  local seen, saw = {}, report and (failures > 0 or (slow_rate >= 0 and slow > 0))
  if saw then seen[1] = me .. ' ' .. int(now) end
  for who, when in string.gmatch(r, '(%S+) (%d+)') do
    when = tonumber(when)
    if #seen < math.max(quorum, 8) and not (saw and who == me) and when <= now and now - when < width * BUCKETS then
      seen[#seen + 1] = who .. ' ' .. int(when)
    end
  end
  if saw then r = table.concat(seen, ' ') end

  if report and s ~= 'fc' and sum_calls >= minimum and #seen >= quorum
    and ((failure_rate >= 0 and sum_failures / sum_calls >= failure_rate)
      or (slow_rate >= 0 and sum_slow / sum_calls >= slow_rate)) then
    n, bucket = 1, nil
    enter('o', now, math.floor(grown(1)))
  end

  if dirty or bucket or damaged ~= '-' then
    redis.call('HSET', key, 'e', int(e), 's', s, 'at', int(at), 'w', int(w), 'n', int(n), 'l', l, 'lu', int(lu),
      'm', m, 'x', x, 'u', int(u), 'r', r)
    if cleared then redis.call('HDEL', key, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9') end
    if bucket then redis.call('HSET', key, slot, bucket) end
    -- Names may be strangers' doing: of which nothing was decided, only the buckets are kept, while they count.
    redis.call('PEXPIRE', key, e > 0 and expiry or int(math.min(tonumber(expiry), 2 * width * BUCKETS)))
  elseif e > 0 then
    redis.call('PEXPIRE', key, expiry)
  end

  local held = '-'
  if l ~= '' and now < lu then held = l == me and 'me' or 'other' end
  return table.concat({ int(e), s, int(at), int(w), int(n), m, x, int(u), held, int(math.max(lu - now, 0)),
    int(sum_calls), int(sum_failures), int(sum_slow), #seen, damaged, late and 'late' or '-' }, ' ')
end

local out = { int(now) }
for i, key in ipairs(KEYS) do
  local offset = FIRST + (i - 1) * STRIDE
  out[i + 1] = one(key, function(at) return ARGV[offset + at] end)
end
return out
