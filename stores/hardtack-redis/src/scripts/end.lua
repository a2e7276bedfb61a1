-- KEYS record [owner]   ARGV expected tag or '', tombstone, grace in ms [field]
-- SET alone would be refused when Redis is full. After DEL it is not; if it were, the record is deleted all the same.
local there = redis.call('GET', KEYS[1])
if there and #there < 24 then
  if there == ARGV[2] then return 1 end
  return there
end
if ARGV[1] ~= '' then
  if not there then return false end
  if string.sub(there, 1, 24) ~= ARGV[1] then return there end
end
if KEYS[2] then redis.call('HDEL', KEYS[2], ARGV[4]) end
redis.call('DEL', KEYS[1])
redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
