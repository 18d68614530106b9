-- Puts what an instance learnt by an exchange where all instances look. An older epoch never replaces a newer one.
--
-- KEYS     version, meta, order, lines: of one slot
-- ARGV     version, expiry, most circuits, then name, epoch and line of each
-- Returns  the last number, or 0 where another version wrote these keys
local version = redis.call('GET', KEYS[1])
if version and version ~= ARGV[1] then return 0 end

-- As `read.lua` does: what is added here could hide that a part is gone. Who looks next finds no birth and makes one.
local last = tonumber(redis.call('HGET', KEYS[2], 'last') or 0) or 0
local top = tonumber(redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2] or 0)
if redis.call('ZCARD', KEYS[3]) ~= redis.call('HLEN', KEYS[4]) or top ~= last then
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
  last = 0
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 4, #ARGV, 3 do
  local line = redis.call('HGET', KEYS[4], ARGV[i])
  if not line or (tonumber(string.match(line, '^%d+')) or -1) < tonumber(ARGV[i + 1]) then
    last = redis.call('HINCRBY', KEYS[2], 'last', 1)
    redis.call('ZADD', KEYS[3], last, ARGV[i])
    redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 2] .. ' ' .. string.format('%.0f', now))
  end
end

-- Of the oldest, those that have been plainly closed for a quarter of the expiry are no news to anybody; the rest only
-- goes where there are too many.
local excess = redis.call('ZCARD', KEYS[3]) - ARGV[3]
for i, name in ipairs(redis.call('ZRANGE', KEYS[3], 0, math.max(excess, 8) - 1)) do
  local line = redis.call('HGET', KEYS[4], name) or ''
  local state, mode, share, said = string.match(line, '^%d+ (%a+) %-?%d+ %-?%d+ %-?%d+ (%S+) (%S+) %-?%d+ (%d+)$')
  local plain = (state == 'c' or state == 'r') and mode == '-' and share == '-'
  if i <= excess or not said or (plain and now - said > ARGV[2] / 4) then
    redis.call('ZREM', KEYS[3], name)
    redis.call('HDEL', KEYS[4], name)
  end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end
return string.format('%.0f', last)
