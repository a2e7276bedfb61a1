for _, key in ipairs(redis.call('KEYS', '*')) do
  local rest = redis.call('PTTL', key) - ARGV[1]
  if rest <= 0 then
    redis.call('DEL', key)
  else
    redis.call('PEXPIRE', key, rest)
    if redis.call('TYPE', key).ok == 'hash' then
      local all = redis.call('HGETALL', key)
      for i = 1, #all, 2 do
        local moved = string.format('%013.0f', string.sub(all[i + 1], 1, 13) - ARGV[1])
        redis.call('HSET', key, all[i], moved .. string.sub(all[i + 1], 14))
      end
    end
  end
end
