-- careful-intake: strangers wait once, and nobody sends too much at a time
local d = require "dragoman"

d.peer "inet" { match = {} }
d.hop "server" { hosts = { d.vars.server }, tls = "opportunistic" }
d.route { to = d.vars.domain, hop = "server" }

-- Of all workers, and kept by a reload: which triplets came before, and who
-- tried addresses that are not here.
local seen, strangers = d.kv "seen", d.kv "strangers"

local function is_friend(q)
  return d.cidr(d.vars.friends, q.address)
end

-- A sender who is new here is asked to come again: what sends spam does not.
local function greylist(q)
  local key = d.sha256(q.address .. "\0" .. q.sender .. "\0" .. q.recipient)
  local state = seen:get(key)
  if state == "known" then
    seen:set(key, "known", { ttl = "30d" })
    return nil
  end
  local early = not d.rate("again", "1/min", key)
  if state == "new" and not early then
    seen:set(key, "known", { ttl = "30d" })
    return nil
  end
  seen:set(key, "new", { ttl = "1d" })
  return d.defer "451 4.7.1 please come again in a minute" {
    because = "greylisted" }
end

d.on.recipient = function(q)
  if is_friend(q) then return nil end
  local ok, wait = d.rate("recipients", "20/min", q.address)
  if not ok then
    if strangers:incr(q.address, 1, { ttl = "1h" }) == 10 then
      d.alert("flood", q.address .. " does not stop")
    end
    return d.defer("451 4.7.1 too much at once, wait " .. wait .. " s")
  end
  return greylist(q)
end
