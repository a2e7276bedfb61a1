-- KEYS from, to [owner]
-- ARGV expected tag, record, keep in ms, tombstone, grace in ms [field of to, about, keep of the entry, field of from]
-- Returns as `put`; '' if another record is under the new key, which is none of ours.
local there = redis.call('GET', KEYS[2])
if there then
  if #there < 24 then return there end
  if string.sub(there, 1, 24) == string.sub(ARGV[2], 1, 24) then return 1 end
  return ''
end
there = redis.call('GET', KEYS[1])
if not there then return false end
if string.sub(there, 1, 24) ~= ARGV[1] then return there end
local entries = 1
if KEYS[3] then
  redis.call('HDEL', KEYS[3], ARGV[9])
  entries = index(KEYS[3], ARGV[6], ARGV[7], ARGV[8])
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
return entries
