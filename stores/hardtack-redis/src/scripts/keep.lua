-- KEYS record   ARGV keep in ms. A tombstone, which is shorter than a tag, is never prolonged.
local there = redis.call('GET', KEYS[1])
if there and #there >= 24 and redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return there
