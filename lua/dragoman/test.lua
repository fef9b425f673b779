-- dragoman.test: the language of *_test.lua, over the real machines in memory
--
-- A case gets a session object `s`.  Clients are scripted by the case; hops
-- answer by themselves, in the way the case told them to (or like a server
-- that takes everything).  Nothing here touches a network or a real clock.
local _, c = ... -- what C gives to every state that loads a test file
local M = { case = c.case }

local PATIENCE = 400 -- empty waits before a missing line is a failure

local lab -- what C gives besides, while a case runs

-- ---- small helpers ----------------------------------------------------

local function fail(level, ...)
  error(string.format(...), level + 1)
end

local function show(v)
  if type(v) == "string" then return string.format("%q", v) end
  if type(v) ~= "table" then return tostring(v) end
  local parts = {}
  for i, x in ipairs(v) do parts[i] = show(x) end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

function M.equal(got, want)
  if got ~= want then fail(2, "got %s, want %s", show(got), show(want)) end
end

function M.match(text, pattern)
  if not tostring(text):find(pattern) then
    fail(2, "%s does not match %s", show(text), show(pattern))
  end
end

function M.contains(text, part)
  if not tostring(text):find(part, 1, true) then
    fail(2, "%s does not contain %s", show(text), show(part))
  end
end

function M.lacks(text, part)
  if tostring(text):find(part, 1, true) then
    fail(2, "%s contains %s", show(text), show(part))
  end
end

function M.empty(list)
  if type(list) == "function" then list = list() end
  if #list > 0 then
    local first = list[1]
    fail(2, "not empty: %s waits for hop %s, because %s: %s",
      first.to or show(first), first.hop or "?", first.meaning or "?",
      first.reply or "?")
  end
end

local function lines_of(text)
  local list = {}
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do list[#list + 1] = line end
  return list
end

-- ---- hops: what answers when the relay dials ---------------------------

local Hop = {}
Hop.__index = Hop

local DEFAULT_EHLO = { "PIPELINING", "SIZE 10000000", "8BITMIME" }

local function new_hop(name)
  return setmetatable({
    name = name, ehlo = nil, replies = {}, takes = nil,
    logins = {}, messages = {}, said = {}, sessions = 0, is_down = false,
  }, Hop)
end

-- script { ehlo = { lines }, takes = { ["AUTH"] = true }, MAIL = "550 ...",
--   RCPT = "...", DATA = "...", END = "...", AUTH = "500 ...", down = true,
--   greeting = "554 ..." }: what is not said stays as it is.
function Hop:script(t)
  for key, value in pairs(t) do
    if key == "ehlo" then self.ehlo = value
    elseif key == "takes" then self.takes = value
    elseif key == "down" then self.is_down = value
    else self.replies[key] = value end
  end
  return self
end

local function auth_lines(hop)
  local verbs = {}
  for _, line in ipairs(hop.ehlo or {}) do
    local verb, list = line:match("^([%w%-]+)[ =](.*)$")
    if verb and (list:find("NTLM") or list:find("LOGIN")
        or list:find("PLAIN")) then
      verbs[verb:upper()] = true
    end
  end
  return verbs
end

-- Verbs that start a login here: those shown, or those in `takes`.
local function takes_verb(hop, verb)
  if hop.takes then return hop.takes[verb] end
  if hop.ehlo then return auth_lines(hop)[verb] end
  return verb == "AUTH"
end

local Server = {}
Server.__index = Server

local function reply_for(hop, key, fallback)
  local r = hop.replies[key]
  if type(r) == "function" then r = r(hop) end
  return r or fallback
end

function Server:say(text)
  for _, line in ipairs(lines_of(text)) do
    self.hop.said[#self.hop.said + 1] = "S: " .. line
    lab.send(self.conn, line .. "\r\n")
  end
end

function Server:step(line)
  local step, text = self.acceptor:take(line)
  if step == "send" then
    self:say("334 " .. text)
  elseif step == "ok" then
    self.login.ok = true
    self.acceptor = nil
    self:say(reply_for(self.hop, "235", "235 2.7.0 authenticated"))
  else
    self.acceptor = nil
    self:say(reply_for(self.hop, "535", "535 5.7.8 refused"))
  end
end

function Server:auth(verb, rest)
  local mechanism, initial = rest:match("^(%S+)%s*(.*)$")
  local refusal = reply_for(self.hop, verb)
  self.login = { verb = verb, mechanism = (mechanism or ""):upper(),
    initial = initial ~= "" and initial or nil, ok = false }
  self.hop.logins[#self.hop.logins + 1] = self.login
  if refusal then return self:say(refusal) end
  self.acceptor = lab.acceptor(self.login.mechanism)
  self:step(self.login.initial)
end

local commands = {}

function commands.EHLO(self)
  local list = { "250-hop.lab.test" }
  local ehlo = self.hop.ehlo or DEFAULT_EHLO
  if not self.hop.ehlo then
    ehlo = { table.unpack(DEFAULT_EHLO) }
    ehlo[#ehlo + 1] = "AUTH NTLM LOGIN PLAIN"
  end
  for i, line in ipairs(ehlo) do
    list[#list + 1] = "250" .. (i == #ehlo and " " or "-") .. line
  end
  if #ehlo == 0 then list[1] = "250 hop.lab.test" end
  self:say(reply_for(self.hop, "EHLO", table.concat(list, "\n")))
end

function commands.HELO(self)
  self:say(reply_for(self.hop, "HELO", "250 hop.lab.test"))
end

function commands.MAIL(self, rest)
  local r = reply_for(self.hop, "MAIL", "250 2.1.0 ok")
  self.mail = { from = rest:match("<(.-)>"), to = {}, login = self.login,
    line = rest }
  self:say(r)
end

function commands.RCPT(self, rest)
  local to = rest:match("<(.-)>")
  local r = reply_for(self.hop, "RCPT", "250 2.1.5 ok")
  if r:sub(1, 1) == "2" then self.mail.to[#self.mail.to + 1] = to end
  self:say(r)
end

function commands.DATA(self)
  local r = reply_for(self.hop, "DATA",
    #self.mail.to > 0 and "354 go ahead" or "554 5.5.1 no valid recipients")
  if r:sub(1, 3) == "354" then self.body = {} end
  self:say(r)
end

function commands.RSET(self) self:say("250 2.0.0 ok") end

function commands.NOOP(self) self:say("250 2.0.0 ok") end

function commands.QUIT(self)
  self:say("221 2.0.0 bye")
  lab.close(self.conn)
end

function Server:data_line(line)
  if line ~= "." then
    self.body[#self.body + 1] = line:gsub("^%.", "", 1)
    return
  end
  self.mail.body = table.concat(self.body, "\n")
  self.body = nil
  local r = reply_for(self.hop, "END", "250 2.0.0 queued")
  if r:sub(1, 1) == "2" then
    self.hop.messages[#self.hop.messages + 1] = self.mail
  end
  self:say(r)
end

function Server:line(line)
  if self.body then return self:data_line(line) end
  self.hop.said[#self.hop.said + 1] = "C: " .. line
  if self.acceptor then return self:step(line) end
  local verb, rest = line:match("^([%w%-]+)[ =]?(.*)$")
  verb = (verb or ""):upper()
  if commands[verb] then return commands[verb](self, rest) end
  if takes_verb(self.hop, verb) then return self:auth(verb, rest) end
  self.hop.logins[#self.hop.logins + 1] =
    { verb = verb, mechanism = rest:match("^%S*"):upper(), ok = false,
      unknown = true }
  self:say(reply_for(self.hop, "unknown", "500 command not recognized"))
end

-- ---- the session object --------------------------------------------------

local Session = {}

local function new_session()
  return setmetatable({
    hops = {}, places = {}, servers = {}, clients = {}, opened = 0,
  }, Session)
end

function Session.__index(_, key)
  if key == "queue" then return lab.queue() end
  return Session[key]
end

local Client = {}
Client.__index = Client

-- One event from C, handed to whom it belongs; returns its kind.
function Session:turn()
  local kind, conn, text = lab.event()
  if kind == "open" then
    local name = c.hop_at(text)
    local hop = self:hop(name)
    hop.sessions = hop.sessions + 1
    local server = setmetatable({ hop = hop, conn = conn }, Server)
    self.servers[conn] = server
    hop.said[#hop.said + 1] = "-- connected to " .. text
    if hop.is_down then
      lab.close(conn)
    else
      server:say(reply_for(hop, "greeting", "220 hop.lab.test ESMTP"))
    end
  elseif kind == "line" then
    if self.servers[conn] then
      self.servers[conn]:line(text)
    elseif self.clients[conn] then
      self.clients[conn]:take(text)
    end
  elseif kind == "closed" and self.clients[conn] then
    self.clients[conn].is_closed = true
  end
  return kind
end

-- Until nothing is under way and nothing is due.
function Session:settle()
  local idle, waits = 0, 0
  while idle < 3 do
    local kind = self:turn()
    if kind == "idle" then idle = idle + 1 else idle = 0 end
    if kind == "wait" then waits = waits + 1 else waits = 0 end
    if waits > PATIENCE then fail(3, "the relay does not come to rest") end
  end
end

function Session:hop(name)
  if not self.hops[name] then self.hops[name] = new_hop(name) end
  return self.hops[name]
end

function Session.users(_, table_name, list)
  for user, password in pairs(list) do
    lab.user(table_name, user, password)
  end
end

function Session:advance(duration)
  self:settle()
  lab.advance(duration)
  self:settle()
end

function Session:client(t)
  local client = setmetatable({
    s = self, unread = {}, parts = {}, offer = {},
    conn = lab.client(t.from or "192.0.2.1", t.listener or ""),
  }, Client)
  self.clients[client.conn] = client
  return client
end

-- A message that the relay takes, from a client that may send it.
function Session:accept(t)
  local client = self:client { from = t.client or "10.0.0.5" }
  client:says "EHLO client.lab.test"
  if t.user then
    client:ntlm { verb = t.verb, user = t.user, password = t.password }
  end
  client:mail(t)
  return client
end

-- The text/plain part, quoted-printable undone as far as a test needs it.
local function human_part(body)
  local at = body:find("\nContent-Type: text/plain", 1, true)
  local _, from = body:find("\n\n", at or 1, true)
  local to = from and body:find("\n--", from, true)
  if not at or not to then return "" end
  local text = body:sub(from + 1, to - 1)
  return (text:gsub("=\n", ""):gsub("=(%x%x)", function(h)
    return string.char(tonumber(h, 16))
  end))
end

-- The newest report (RFC 3464) that a hop was given.
function Session:report()
  self:settle()
  local found
  for _, hop in pairs(self.hops) do
    for _, m in ipairs(hop.messages) do
      if m.body:find("multipart/report", 1, true) then found = m end
    end
  end
  if not found then fail(2, "no report was sent") end
  local r = { to = found.to[1], from = found.from, body = found.body }
  r.action = found.body:match("\nAction: ([^\n]*)")
  r.status = found.body:match("\nStatus: ([^\n]*)")
  r.diagnostic = found.body:match("\nDiagnostic%-Code: ([^\n]*)")
  r.meaning = found.body:match("\nX%-Dragoman%-Meaning: ([^\n]*)")
  r.subject = found.body:match("\nSubject: ([^\n]*)")
  r.lang = found.body:match("\nContent%-Language: ([^\n]*)")
  r.text = human_part(found.body)
  return r
end

-- ---- clients ---------------------------------------------------------------

function Client:take(line)
  self.parts[#self.parts + 1] = line
  if line:match("^%d%d%d%-") then return end
  self.unread[#self.unread + 1] = self.parts
  self.parts = {}
end

-- The next whole reply, as a list of lines.
function Client:next_reply(level)
  local waits = 0
  while #self.unread == 0 do
    if self.is_closed then fail(level + 1, "the relay closed the session") end
    local kind = self.s:turn()
    waits = (kind == "idle" or kind == "wait") and waits + 1 or 0
    if waits > PATIENCE then fail(level + 1, "the relay said nothing") end
  end
  self.last = table.remove(self.unread, 1)
  return self.last
end

function Client:hears(want)
  if not self.greeted then
    self.greeted = true
    self:next_reply(2)
  elseif not self.is_heard then
    self.is_heard = true
  else
    self:next_reply(2)
  end
  local got = table.concat(self.last, "\n")
  if got:sub(1, #want) ~= want then
    fail(2, "heard %s, want %s", show(got), show(want))
  end
  return got
end

-- Say a line and wait for its reply (see `hears` and `offered`).
function Client:says(line)
  if not self.greeted then
    self.greeted = true
    self:next_reply(2)
    if self.last[1]:sub(1, 3) ~= "220" then
      self.is_heard = false
      return self.last
    end
  end
  lab.send(self.conn, line .. "\r\n")
  self:next_reply(2)
  self.is_heard = false
  if line:upper():match("^EHLO") then
    self.offer = {}
    for i = 2, #self.last do self.offer[#self.offer + 1] =
      self.last[i]:sub(5) end
  end
  return self.last
end

-- Bytes as they are, no reply awaited.
function Client:sends(bytes) lab.send(self.conn, bytes) end

local function has_line(offer, line)
  for _, x in ipairs(offer) do if x == line then return true end end
  return false
end

local function has_keyword(offer, word)
  for _, x in ipairs(offer) do
    if x == word or x:match("^[%w%-]+") == word then return true end
  end
  return false
end

-- has: whole lines; lacks: keywords.
function Client:offered(t)
  for _, line in ipairs(t.has or {}) do
    if not has_line(self.offer, line) then
      fail(2, "%s is not offered, but %s", show(line), show(self.offer))
    end
  end
  for _, word in ipairs(t.lacks or {}) do
    if has_keyword(self.offer, word) then
      fail(2, "%s is offered: %s", show(word), show(self.offer))
    end
  end
end

-- A login; fails unless it ends with `expect` (235).
function Client:login(mechanism, t, level)
  local verb = t.verb or "AUTH"
  local want = t.expect or "235"
  local i = lab.initiator(mechanism, t.user, t.password, t.domain or "",
    t.level or "v2", t.initial ~= false)
  local _, text = i:first()
  local step
  local line = verb .. (t.equals and "=" or " ") .. mechanism
  if text ~= "" then line = line .. " " .. text end
  self:says(line)
  while self.last[1]:sub(1, 3) == "334" do
    step, text = i:step(self.last[1]:sub(5))
    self:says(step == "fail" and "*" or text)
  end
  if self.last[1]:sub(1, #want) ~= want then
    fail(level + 1, "%s %s ended with %s, want %s", verb, mechanism,
      show(self.last[1]), want)
  end
end

function Client:ntlm(t) self:login("NTLM", t, 2) end

function Client:plain(t) self:login("PLAIN", t, 2) end

function Client:auth_login(t) self:login("LOGIN", t, 2) end

-- A whole transaction; `expect` is the reply to its end (250).
function Client:mail(t)
  local list = type(t.to) == "table" and t.to or { t.to }
  local function must(line, code)
    self:says(line)
    if self.last[1]:sub(1, #code) ~= code then
      fail(3, "%s: heard %s, want %s", line, show(self.last[1]), code)
    end
  end
  must("MAIL FROM:<" .. (t.from or "") .. ">", "250")
  for _, to in ipairs(list) do
    must("RCPT TO:<" .. to .. ">", t.rcpt or "250")
  end
  if t.rcpt and t.rcpt ~= "250" then return end
  must("DATA", "354")
  local body = t.body or "Subject: test\n\nhello"
  body = body:gsub("\r?\n", "\r\n"):gsub("^%.", ".."):gsub("\r\n%.", "\r\n..")
  lab.send(self.conn, body .. "\r\n.\r\n")
  self:next_reply(2)
  self.is_heard = false
  local want = t.expect or "250"
  if self.last[1]:sub(1, #want) ~= want then
    fail(2, "the message was answered %s, want %s", show(self.last[1]), want)
  end
end

-- ---- what a hop saw -------------------------------------------------------

-- The newest login that was tried there, and that it went through.
function Hop:expects(t)
  self.s:settle()
  local l = self.logins[#self.logins]
  if not l then fail(2, "hop %s saw no login", self.name) end
  if t.verb and l.verb ~= t.verb then
    fail(2, "hop %s was spoken to in %s, want %s", self.name, l.verb, t.verb)
  end
  if t.mechanism and l.mechanism ~= t.mechanism then
    fail(2, "hop %s: mechanism %s, want %s", self.name, l.mechanism,
      t.mechanism)
  end
  if t.ok ~= false and not l.ok then
    fail(2, "hop %s refused the login", self.name)
  end
end

-- Which verbs were said, in order.
function Hop:verbs()
  self.s:settle()
  local list = {}
  for i, l in ipairs(self.logins) do list[i] = l.verb end
  return table.concat(list, " ")
end

function Hop:received()
  self.s:settle()
  return self.messages
end

function Hop:transcript()
  self.s:settle()
  return table.concat(self.said, "\n")
end

-- ---- running ----------------------------------------------------------------

-- Called by C: lab is what C can do, fn the case.
function M.run(given, fn)
  for name, f in pairs(c) do given[name] = f end
  lab = given
  local s = new_session()
  Hop.__index = function(_, key)
    if key == "s" then return s end
    return Hop[key]
  end
  fn(s)
end

return M
