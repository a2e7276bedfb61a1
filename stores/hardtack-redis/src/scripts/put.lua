-- KEYS record [owner]   ARGV expected tag or '', record, keep in ms [field, about, keep of the entry]
-- Returns the number of the owner's entries, at least 1, or what is there. The time of a record is never shortened.
-- Only the tag is fetched: Lua copies what it gets. The bounds are text, because Redis would first print numbers, as floats.
local there = redis.call('GETRANGE', KEYS[1], '0', '23')
if there ~= ARGV[1] then
  if there == string.sub(ARGV[2], 1, 24) then return 1 end
  return redis.call('GET', KEYS[1])
end
local entries = 1
if KEYS[2] then entries = index(KEYS[2], ARGV[4], ARGV[5], ARGV[6]) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
else
  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
end
return entries
