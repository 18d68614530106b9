-- What changed in the fleet since this instance last looked.
--
-- KEYS     version, meta, order, lines: of one slot
-- ARGV     version, expiry, the birth and the number last seen, how many at most, the number `publish.lua` last gave
-- Returns  "version", the other one; or "ok", now, birth, last number, then name and line of each change
local version = redis.call('GET', KEYS[1])
if version and version ~= ARGV[1] then return { 'version', version } end
if not version then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end

-- A key may have been evicted, and the others mislead: of which the parts disagree, that begins anew. Where they agree each
-- circuit has a line, and the last number, which is never trimmed, a circuit.
local meta = redis.call('HMGET', KEYS[2], 'born', 'last')
local born, last = meta[1], tonumber(meta[2] or 0) or 0
local top = tonumber(redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2] or 0)
if redis.call('ZCARD', KEYS[3]) ~= redis.call('HLEN', KEYS[4]) or top ~= last then
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
  born, last = nil, 0
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Who has seen a greater number than there is was told it by a Redis that is gone: one restarted with older data, or a replica
-- that was behind took over. Its numbers would be given twice, and with another birth everybody reads and tells anew.
local from, given = 0, 0
if born == ARGV[3] then from, given = tonumber(ARGV[4]), tonumber(ARGV[6]) end
if math.max(from, given) > last then born, from = nil, 0 end
if not born then
  -- Redis's own time in microseconds: an index made anew has another birth.
  born = time[1] .. '.' .. time[2]
  redis.call('HSET', KEYS[2], 'born', born)
end
-- Each look would be a write if each made the keys live longer.
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < ARGV[2] / 2 then redis.call('PEXPIRE', key, ARGV[2]) end
end

local found = redis.call('ZRANGEBYSCORE', KEYS[3], string.format('(%.0f', from), '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[5])
local out = { 'ok', string.format('%.0f', now), born, string.format('%.0f', from) }
for i = 1, #found, 2 do
  out[#out + 1] = found[i]
  out[#out + 1] = redis.call('HGET', KEYS[4], found[i]) or ''
  out[4] = found[i + 1]
end
return out
