-- KEYS record [owner]   ARGV expected tag or '', record, keep in ms [field, about, keep of the entry]
-- Returns the number of the owner's entries, at least 1, or what is there. The time of a record is never shortened.
local there = redis.call('GET', KEYS[1])
if there and string.sub(there, 1, 24) == string.sub(ARGV[2], 1, 24) then return 1 end
if ARGV[1] == '' then
  if there then return there end
elseif not there then return false
elseif string.sub(there, 1, 24) ~= ARGV[1] then return there end
local entries = 1
if KEYS[2] then entries = math.max(1, index(KEYS[2], ARGV[4], ARGV[5], ARGV[6])) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[3])))
return entries
