-- Writes an entry into the index of an owner. An entry begins with its end, in 13 digits of milliseconds. The index
-- lives as long as its longest entry. A new entry drops those that are over. Returns the number of entries.
local function index(key, field, about, keep)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if redis.call('HSET', key, field, string.format('%013.0f', now + keep) .. about) == 1 then
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
      if tonumber(string.sub(all[i + 1], 1, 13)) <= now then redis.call('HDEL', key, all[i]) end
    end
  end
  if redis.call('PTTL', key) < tonumber(keep) then redis.call('PEXPIRE', key, keep) end
  return redis.call('HLEN', key)
end
