-- KEYS owner   ARGV what the name of a record begins with
-- Returns the entries of live records, and drops all others. In one script: a session that gets a new id between two
-- reads would be under neither, and a thief could hide from an end of all sessions. Only one node has the records too,
-- whose names are not declared: they are in the index.
local all = redis.call('HGETALL', KEYS[1])
local live = {}
for i = 1, #all, 2 do
  local digits = string.format(string.rep('%02x', #all[i]), string.byte(all[i], 1, -1))
  -- A tombstone and a missing record are shorter than a tag.
  if redis.call('STRLEN', ARGV[1] .. digits) >= 24 then
    live[#live + 1] = all[i]
    live[#live + 1] = all[i + 1]
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return live
