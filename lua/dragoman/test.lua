-- dragoman.test: the language of *_test.lua, over the real machines in memory
--
-- A case gets a session object `s`.  Clients are scripted by the case; hops
-- answer by themselves, in the way the case told them to (or like a server
-- that takes everything).  Nothing here touches a network or a real clock: the
-- clock jumps.  Each case has a relay and a queue of its own.
--
-- t.case("name", function(s) ... end)   one case; no two of a file share a name
-- t.equal(got, want)                    the same value
-- t.match(text, pattern)                a Lua pattern fits somewhere in it
-- t.contains(text, part), t.lacks(text, part)      plain text in it, or not
-- t.empty(list)                         nothing in it, as in t.empty(s.queue)
--
-- s:users("table", { user = "password" })   accounts that may log in to us;
--     say it before the first client
-- s:dns { mx = { ["b.example"] = { "10 mx1.b.example" } }, a =, aaaa =, txt =,
--     ptr = }   what name servers know; s:web { ["GET http://..."] = { status =
--     200, body = "" } }   what web servers answer; what is not said fails
-- s:client { from = "10.0.0.5", listener = "name" }   connects: a client `c`
--     (default: 192.0.2.1, to the first listener of dragoman.yaml)
-- s:accept { client = "10.0.0.5", user =, password =, verb =, and what c:mail
--     takes }   a client that says EHLO, logs in by NTLM when there is a user,
--     and sends a message which the relay must take; returns it
-- s:hop("name")       what stands for a hop's hosts: see hop below
-- s:advance "6d"      lets all come to rest, then the clock jumps (s m h d),
--     then what is due by now happens, once
-- s:pass "6d"         the same, but each retry and probe on the way happens at
--     its own time: s.queue and {tries} tell what a real week would
-- s:settle()          until nothing is under way and nothing due
-- s.queue             what waits: a list of { to, hop, tries, meaning, reply }
-- s:report()          the newest report that any hop was given: { to, from,
--     action, status, diagnostic, meaning, subject, lang, text, body }
--
-- c:hears "250"       the next reply (or the one to c:says) begins so; returned
-- c:says "EHLO x"     sends a line and waits for the reply: a list of lines
-- c:sends "bytes"     as they are, without waiting
-- c:offered { has = { "AUTH NTLM" }, lacks = { "STARTTLS" } }   of the last
--     EHLO: whole lines that are there, keywords that are not
-- c:ntlm { user =, password =, domain =, verb = "AUTH", equals = false, level =
--     "v2", initial = true, expect = "235" }   a login; level: v2 ntlm2 v1 lm;
--     initial = false: the first message waits for 334; equals: "XAUTH=NTLM"
-- c:plain { ... }, c:auth_login { ... }   the same by PLAIN, by LOGIN
-- c:mail { from =, to = "a@b" or a list, body =, rcpt = "250", expect = "250" }
--     a message: what RCPT and the end of DATA must be answered with
--
-- hop:script { ... }  how it answers from now on; returns hop.  ehlo = { ... },
--     takes = { XAUTH = true } (verbs that start a login), down = true (nobody
--     there), ntlm = "v1" (the best level that its challenge allows: v2 ntlm2
--     v1), greeting = "220 ..."; and a reply for each of EHLO HELO MAIL RCPT
--     DATA END (of the message), for a verb (AUTH = "500 no"), for "235" and
--     "535" (how a login ends), unknown = "500 ..."; or a function of hop
-- hop:expects { verb =, mechanism =, ok = true }   the newest login tried there
-- hop:verbs()         those tried, as "XAUTH AUTH"
-- hop:received()      messages taken: a list of { from, to = {}, body, line }
-- hop:transcript()    all that was said, as text: "C: " is the relay
-- hop.logins          a list of { verb, mechanism, initial, ok, strength }
-- hop.sessions        how often we connected
local _, c = ... -- what C gives to every state that loads a test file
local reports = require "dragoman.reports"

local PATIENCE = 400 -- empty waits before a missing line is a failure
local LINES_SHOWN = 14 -- of a conversation, when a case fails

local lab -- what C gives besides, while a case runs
local now -- the session of the case that runs
local wrong -- what it failed by: { party, want, got }, and where in what was
  -- said that stands: its one line `at`, or its last line `to`

-- ---- failing ------------------------------------------------------------

-- Told at the line of the test file that is nearest to the mistake.
local function fail(...)
  error((c.where() or "?") .. ": " .. string.format(...), 0)
end

-- The same, with what was wanted and what came instead, for the story.
local function differ(party, want, got, ...)
  wrong = { party = party, want = want, got = got }
  fail(...)
end

local function show(v)
  if type(v) == "string" then
    return '"' .. v:gsub("[%c\"\\]", function(x)
      return x == "\n" and "\\n" or x == '"' and '\\"' or x == "\\" and "\\\\"
        or string.format("\\%d", x:byte())
    end) .. '"'
  end
  if type(v) ~= "table" then return tostring(v) end
  local parts = {}
  for i, x in ipairs(v) do parts[i] = show(x) end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function keys_of(t)
  local list = {}
  for key in pairs(t) do list[#list + 1] = tostring(key) end
  table.sort(list)
  return list
end

local function meant(word, list)
  local near = c.near(tostring(word), list)
  return near and '; did you mean "' .. near .. '"?' or ""
end

-- A table that raises for a name it does not have.
local function closed(what, methods)
  return function(_, key)
    local value = methods[key]
    if value ~= nil then return value end
    fail("%s has no \"%s\"%s", what, tostring(key),
      meant(key, keys_of(methods)))
  end
end

-- Is t a table of these fields?  fields: name -> "string", "string table" ...
local function check(what, t, fields)
  if type(t) ~= "table" then
    fail("%s takes a table, not a %s", what, type(t))
  end
  for _, key in ipairs(keys_of(t)) do
    local types = fields[key]
    local value = t[key]
    if not types then
      fail("%s: unknown field \"%s\"%s", what, key,
        meant(key, keys_of(fields)))
    elseif not (" " .. types .. " "):find(" " .. type(value) .. " ", 1, true)
    then
      fail("%s: %s takes a %s, not a %s", what, key,
        types:gsub(" ", " or a "), type(value))
    end
  end
end

local function need(what, t, ...)
  for _, key in ipairs { ... } do
    if t[key] == nil then fail("%s needs %s = ...", what, key) end
  end
end

local function need_text(what, v)
  if type(v) ~= "string" then
    fail("%s takes a string, not a %s", what, type(v))
  end
end

-- ---- t ------------------------------------------------------------------

local M = { case = c.case }

function M.equal(got, want)
  if got == want then return end
  differ("value", tostring(want), tostring(got), "got %s, want %s", show(got),
    show(want))
end

function M.match(text, pattern)
  need_text("t.match", pattern)
  if not tostring(text):find(pattern) then
    differ("value", pattern, tostring(text), "%s does not match %s",
      show(text), show(pattern))
  end
end

function M.contains(text, part)
  need_text("t.contains", part)
  if not tostring(text):find(part, 1, true) then
    differ("value", part, tostring(text), "%s does not contain %s",
      show(text), show(part))
  end
end

function M.lacks(text, part)
  need_text("t.lacks", part)
  if tostring(text):find(part, 1, true) then
    fail("%s contains %s", show(text), show(part))
  end
end

function M.empty(list)
  if type(list) == "function" then list = list() end
  if type(list) ~= "table" then
    fail("t.empty takes a list, not a %s", type(list))
  end
  if #list > 0 then
    local first = list[1]
    if type(first) ~= "table" then fail("not empty: %s", show(list)) end
    fail("not empty: %s waits for hop %s, because %s: %s",
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
local HopMeta = { __index = closed("a hop", Hop) }

local DEFAULT_EHLO = { "PIPELINING", "SIZE 10000000", "8BITMIME" }

local function new_hop(name)
  return setmetatable({
    name = name, ntlm = "v2", ehlo = false, replies = {}, takes = false,
    logins = {}, messages = {}, said = {}, sessions = 0, is_down = false,
  }, HopMeta)
end

local LEVELS = { v1 = true, v2 = true, ntlm2 = true, lm = true }
local SCRIPT = { ehlo = "table", takes = "table", down = "boolean",
  ntlm = "string" }
local REPLIES = { "greeting", "unknown", "EHLO", "HELO", "MAIL", "RCPT", "DATA",
  "END", "AUTH", "235", "535", "ehlo", "takes", "down", "ntlm" }

local function check_level(what, level)
  if not LEVELS[level] then
    fail("%s: unknown level \"%s\"; there are v2, ntlm2, v1, lm", what, level)
  end
end

-- What is not said stays as it is.
function Hop:script(t)
  if type(t) ~= "table" then
    fail("hop:script takes a table, not a %s", type(t))
  end
  for _, key in ipairs(keys_of(t)) do
    local value = t[key]
    if SCRIPT[key] then
      check("hop:script", { [key] = value }, SCRIPT)
    elseif not key:match("^%u[%u%d%-]*$") and not key:match("^[25]35$")
        and key ~= "greeting" and key ~= "unknown" then
      fail("hop:script: unknown field \"%s\"%s", key, meant(key, REPLIES))
    elseif type(value) ~= "function" and (type(value) ~= "string"
        or not value:match("^[2-5]%d%d")) then
      fail("hop:script: %s takes a reply (\"550 5.1.1 text\") or a function",
        key)
    end
    if key == "ehlo" then self.ehlo = value
    elseif key == "takes" then self.takes = value
    elseif key == "down" then self.is_down = value
    elseif key == "ntlm" then
      check_level("hop:script: ntlm", value)
      self.ntlm = value
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

-- A reply may be a function: of the hop and, for RCPT and LMTP's END, the
-- recipient.
local function reply_for(hop, key, fallback, to)
  local r = hop.replies[key]
  if type(r) == "function" then r = r(hop, to) end
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
    self.login.strength = self.acceptor:strength()
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
  self.login.at = #self.hop.said
  self.hop.logins[#self.hop.logins + 1] = self.login
  if refusal then return self:say(refusal) end
  self.acceptor = lab.acceptor(self.login.mechanism, self.hop.ntlm)
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

-- RFC 2033: from here on one reply a recipient answers the end of the data
function commands.LHLO(self)
  self.is_lmtp = true
  commands.EHLO(self)
end

function commands.HELO(self)
  self:say(reply_for(self.hop, "HELO", "250 hop.lab.test"))
end

function commands.MAIL(self, rest)
  local r = reply_for(self.hop, "MAIL", "250 2.1.0 ok")
  self.mail = r:sub(1, 1) == "2" and { from = rest:match("<(.-)>"), to = {},
    login = self.login, line = rest } or nil
  self:say(r)
end

function commands.RCPT(self, rest)
  if not self.mail then return self:say("503 5.5.1 MAIL first") end
  local to = rest:match("<(.-)>")
  local r = reply_for(self.hop, "RCPT", "250 2.1.5 ok", to)
  if r:sub(1, 1) == "2" then self.mail.to[#self.mail.to + 1] = to end
  self:say(r)
end

function commands.DATA(self)
  local has_any = self.mail and #self.mail.to > 0
  local r = reply_for(self.hop, "DATA",
    has_any and "354 go ahead" or "554 5.5.1 no valid recipients")
  if r:sub(1, 3) == "354" then self.body = {} end
  self:say(r)
end

function commands.RSET(self)
  self.mail = nil
  self:say("250 2.0.0 ok")
end

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
  self.hop.said[#self.hop.said + 1] = string.format(
    "C: (a message of %d lines)", #self.body)
  self.mail.body = table.concat(self.body, "\n")
  self.body = nil
  local is_taken = false
  for _, to in ipairs(self.is_lmtp and self.mail.to or { "all" }) do
    local r = reply_for(self.hop, "END", "250 2.0.0 queued", to)
    is_taken = is_taken or r:sub(1, 1) == "2"
    self:say(r)
  end
  if is_taken then
    self.hop.messages[#self.hop.messages + 1] = self.mail
  end
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
      unknown = true, at = #self.hop.said }
  self:say(reply_for(self.hop, "unknown", "500 command not recognized"))
end

-- ---- the session object --------------------------------------------------

local Session = {}
local find_method = closed("s", Session)
local SessionMeta = {
  __index = function(s, key)
    if key == "queue" then return lab.queue() end
    return find_method(s, key)
  end,
}

local function new_session()
  return setmetatable({
    hops = {}, servers = {}, clients = {}, newest = false,
  }, SessionMeta)
end

local Client = {}
local ClientMeta = { __index = closed("a client", Client) }

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
    local client = self.clients[conn]
    client.is_closed = true
    client.said[#client.said + 1] = "-- closed by the relay"
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
    if waits > PATIENCE then fail("the relay does not come to rest") end
  end
end

function Session:hop(name)
  need_text("s:hop", name)
  if not self.hops[name] then
    local names = c.hops()
    for _, known in ipairs(names) do
      if known == name then self.hops[name] = new_hop(name) end
    end
    if not self.hops[name] and name ~= "?" then
      fail("the policy has no hop \"%s\"%s", name, meant(name, names))
    end
    self.hops[name] = self.hops[name] or new_hop(name)
  end
  return self.hops[name]
end

function Session.users(_, table_name, list)
  need_text("s:users", table_name)
  if type(list) ~= "table" then
    fail("s:users takes a table's name and { user = \"password\" }")
  end
  for _, user in ipairs(keys_of(list)) do
    need_text("s:users", list[user])
    lab.user(table_name, user, list[user])
  end
end

local function ms_of(what, duration)
  need_text(what, duration)
  local ms = lab.duration(duration)
  if not ms then
    fail("%s: \"%s\" is no duration; write 30s, 5m, 2h or 1d", what, duration)
  end
  return ms
end

function Session.dns(_, t)
  check("s:dns", t, { a = "table", aaaa = "table", mx = "table",
    txt = "table", ptr = "table" })
  for _, type_name in ipairs(keys_of(t)) do
    for _, name in ipairs(keys_of(t[type_name])) do
      local list = t[type_name][name]
      if type(list) ~= "table" then list = { list } end
      for _, value in ipairs(list) do lab.dns(type_name, name, value) end
    end
  end
end

function Session.web(_, t)
  if type(t) ~= "table" then fail("s:web takes a table") end
  for _, request in ipairs(keys_of(t)) do
    local answer = t[request]
    if not request:match("^%u+ https?://") then
      fail("s:web: %q is no request; write \"GET http://...\"", request)
    end
    check("s:web", answer, { status = "number", body = "string" })
    lab.web(request, answer.status or 200, answer.body or "")
  end
end

function Session:advance(duration)
  local ms = ms_of("s:advance", duration)
  self:settle()
  lab.advance(ms)
  self:settle()
end

-- The spool looks at its clock, not at ours: a try counts as due a little
-- after its time.
function Session:pass(duration)
  local left = ms_of("s:pass", duration)
  self:settle()
  while left > 0 do
    local due = lab.due()
    local step = left
    if due and due < left then step = due > 0 and due or 1 end
    lab.advance(step)
    left = left - step
    self:settle()
  end
end

local CLIENT = { from = "string", listener = "string" }

function Session:client(t)
  check("s:client", t, CLIENT)
  local from = t.from or "192.0.2.1"
  local client = setmetatable({
    s = self, from = from, unread = {}, parts = {}, offer = {}, said = {},
    last = {}, greeted = false, is_heard = false, is_closed = false,
    conn = lab.client(from, t.listener or ""),
  }, ClientMeta)
  self.clients[client.conn] = client
  self.newest = client
  return client
end

local MAIL = { from = "string", to = "string table", body = "string",
  rcpt = "string", expect = "string" }
local ACCEPT = { client = "string", user = "string", password = "string",
  verb = "string", from = "string", to = "string table", body = "string",
  rcpt = "string", expect = "string" }
local LOGIN = { user = "string", password = "string", domain = "string",
  verb = "string", equals = "boolean", level = "string", initial = "boolean",
  expect = "string" }

-- A message that the relay takes, from a client that may send it.
function Session:accept(t)
  check("s:accept", t, ACCEPT)
  need("s:accept", t, "to")
  local client = self:client { from = t.client or "10.0.0.5" }
  client:says "EHLO client.lab.test"
  if t.user then
    need("s:accept with a user", t, "password")
    client:ntlm { verb = t.verb, user = t.user, password = t.password }
  end
  client:mail { from = t.from, to = t.to, body = t.body, rcpt = t.rcpt,
    expect = t.expect }
  return client
end

-- The newest report (RFC 3464) that a hop was given.
function Session:report()
  self:settle()
  local found
  for _, name in ipairs(keys_of(self.hops)) do
    for _, m in ipairs(self.hops[name].messages) do
      if m.body:find("multipart/report", 1, true) then found = m end
    end
  end
  if not found then fail("no report was sent") end
  local r = { to = found.to[1], from = found.from, body = found.body }
  r.action = found.body:match("\nAction: ([^\n]*)")
  r.status = found.body:match("\nStatus: ([^\n]*)")
  r.diagnostic = found.body:match("\nDiagnostic%-Code: ([^\n]*)")
  r.meaning = found.body:match("\nX%-Dragoman%-Meaning: ([^\n]*)")
  r.subject = found.body:match("\nSubject: ([^\n]*)")
  r.lang = found.body:match("\nContent%-Language: ([^\n]*)")
  r.text = reports.human_part(found.body)
  return r
end

-- ---- clients ---------------------------------------------------------------

function Client:take(line)
  self.said[#self.said + 1] = "S: " .. line
  self.parts[#self.parts + 1] = line
  if line:match("^%d%d%d%-") then return end
  self.parts.at = #self.said
  self.unread[#self.unread + 1] = self.parts
  self.parts = {}
end

-- The next whole reply, as a list of lines.
function Client:next_reply(want)
  local waits = 0
  while #self.unread == 0 do
    if self.is_closed then
      differ(self, want, "(nothing)", "the relay closed the session")
    end
    local kind = self.s:turn()
    -- a relay at rest says nothing more, unless a timer makes it
    waits = kind == "idle" and waits + 10 or kind == "wait" and waits + 1 or 0
    if waits > PATIENCE then
      differ(self, want, "(nothing)", "the relay said nothing")
    end
  end
  self.last = table.remove(self.unread, 1)
  return self.last
end

local function heard_else(client, want, ...)
  wrong = { party = client, want = want, to = client.last.at,
    got = table.concat(client.last, "\n") }
  fail(...)
end

function Client:hears(want)
  need_text("c:hears", want)
  if not self.greeted then
    self.greeted = true
    self.is_heard = true
    self:next_reply(want)
  elseif not self.is_heard then
    self.is_heard = true
  else
    self:next_reply(want)
  end
  local got = table.concat(self.last, "\n")
  if got:sub(1, #want) ~= want then
    heard_else(self, want, "heard %s, want %s", show(got), show(want))
  end
  return got
end

-- Say a line and wait for its reply (see `hears` and `offered`).
function Client:says(line)
  need_text("c:says", line)
  if not self.greeted then
    self.greeted = true
    self:next_reply("220")
    if self.last[1]:sub(1, 3) ~= "220" then
      self.is_heard = false
      return self.last
    end
  end
  self.said[#self.said + 1] = "C: " .. line:gsub("\r?\n", "\\n")
  lab.send(self.conn, line .. "\r\n")
  self:next_reply()
  self.is_heard = false
  if line:upper():match("^EHLO") then
    self.offer = {}
    for i = 2, #self.last do self.offer[#self.offer + 1] =
      self.last[i]:sub(5) end
  end
  return self.last
end

-- Bytes as they are, no reply awaited.
function Client:sends(bytes)
  need_text("c:sends", bytes)
  self.said[#self.said + 1] = "C: " .. bytes:gsub("\r?\n", "\\n")
  lab.send(self.conn, bytes)
end

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
  check("c:offered", t, { has = "table", lacks = "table" })
  for _, line in ipairs(t.has or {}) do
    if not has_line(self.offer, line) then
      fail("%s is not offered, but %s", show(line), show(self.offer))
    end
  end
  for _, word in ipairs(t.lacks or {}) do
    if has_keyword(self.offer, word) then
      fail("%s is offered: %s", show(word), show(self.offer))
    end
  end
end

-- A login; fails unless it ends with `expect` (235).
function Client:login(mechanism, what, t)
  check(what, t, LOGIN)
  need(what, t, "user", "password")
  local verb = t.verb or "AUTH"
  local want = t.expect or "235"
  local level = t.level or "v2"
  check_level(what, level)
  local i = lab.initiator(mechanism, t.user, t.password, t.domain or "",
    level, t.initial ~= false)
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
    heard_else(self, want, "%s %s ended with %s, want %s", verb, mechanism,
      show(self.last[1]), want)
  end
end

function Client:ntlm(t) self:login("NTLM", "c:ntlm", t) end

function Client:plain(t) self:login("PLAIN", "c:plain", t) end

function Client:auth_login(t) self:login("LOGIN", "c:auth_login", t) end

-- A whole transaction; `expect` is the reply to its end (250).
function Client:mail(t)
  check("c:mail", t, MAIL)
  need("c:mail", t, "to")
  local list = type(t.to) == "table" and t.to or { t.to }
  local function must(line, code)
    self:says(line)
    if self.last[1]:sub(1, #code) ~= code then
      heard_else(self, code, "%s: heard %s, want %s", line,
        show(self.last[1]), code)
    end
  end
  must("MAIL FROM:<" .. (t.from or "") .. ">", "250")
  for _, to in ipairs(list) do
    must("RCPT TO:<" .. to .. ">", t.rcpt or "250")
  end
  if t.rcpt and t.rcpt:sub(1, 1) ~= "2" then return end
  must("DATA", "354")
  local body = t.body or "Subject: test\n\nhello"
  local _, n = body:gsub("\n", "")
  self.said[#self.said + 1] = string.format("C: (a message of %d lines)", n + 1)
  body = body:gsub("\r?\n", "\r\n"):gsub("^%.", "..")
    :gsub("\r\n%.", "\r\n..")
  lab.send(self.conn, body .. "\r\n.\r\n")
  self:next_reply(t.expect or "250")
  self.is_heard = false
  local want = t.expect or "250"
  if self.last[1]:sub(1, #want) ~= want then
    heard_else(self, want, "the message was answered %s, want %s",
      show(self.last[1]), want)
  end
end

-- ---- what a hop saw -------------------------------------------------------

local EXPECTS = { verb = "string", mechanism = "string", ok = "boolean" }

-- The newest login that was tried there, and that it went through.
function Hop:expects(t)
  check("hop:expects", t, EXPECTS)
  now:settle()
  local l = self.logins[#self.logins]
  if not l then fail("hop %s saw no login", self.name) end
  if (t.verb and l.verb ~= t.verb)
      or (t.mechanism and l.mechanism ~= t.mechanism) then
    wrong = { party = self, at = l.at, got = self.said[l.at],
      want = "C: " .. (t.verb or l.verb) .. " "
        .. (t.mechanism or l.mechanism) }
  end
  if t.verb and l.verb ~= t.verb then
    fail("hop %s was spoken to in %s, want %s", self.name, l.verb, t.verb)
  end
  if t.mechanism and l.mechanism ~= t.mechanism then
    fail("hop %s: mechanism %s, want %s", self.name, l.mechanism,
      t.mechanism)
  end
  if t.ok ~= false and not l.ok then
    fail("hop %s refused the login", self.name)
  end
end

-- Which verbs were said, in order.
function Hop:verbs()
  now:settle()
  local list = {}
  for i, l in ipairs(self.logins) do list[i] = l.verb end
  return table.concat(list, " ")
end

function Hop:received()
  now:settle()
  return self.messages
end

function Hop:transcript()
  now:settle()
  return table.concat(self.said, "\n")
end

-- ---- what both sides said, when a case failed ----------------------------

-- Under the first character in which they differ.
local function caret(prefix, want, got)
  local n = 1
  while n <= #want and n <= #got and want:sub(n, n) == got:sub(n, n) do
    n = n + 1
  end
  if want == got then return nil end
  return (" "):rep(#prefix + n - 1) .. "^"
end

local function add_diff(out, mark, want, got)
  out[#out + 1] = "  - " .. mark .. want
  out[#out + 1] = "  + " .. mark .. got
  out[#out + 1] = caret("  + " .. mark, want, got)
end

-- Values of several lines: those that both have stand once.
local function add_values(out, want, got)
  local a, b = lines_of(want), lines_of(got)
  local top, tail = 0, 0
  while top < #a and top < #b and a[top + 1] == b[top + 1] do top = top + 1 end
  while tail < #a - top and tail < #b - top
      and a[#a - tail] == b[#b - tail] do
    tail = tail + 1
  end
  if #a - top - tail == 1 and #b - top - tail == 1 then
    if top > 0 then out[#out + 1] = "    " .. a[top] end
    add_diff(out, "", a[top + 1], b[top + 1])
    if tail > 0 then out[#out + 1] = "    " .. a[top + 2] end
    return
  end
  if top > 0 then out[#out + 1] = "    " .. a[top] end
  for i = top + 1, #a - tail do out[#out + 1] = "  - " .. a[i] end
  for i = top + 1, #b - tail do
    if i - top > 2 * LINES_SHOWN then
      out[#out + 1] = string.format("  + (%d more lines)", #b - tail - i + 1)
      break
    end
    out[#out + 1] = "  + " .. b[i]
  end
  if tail > 0 then out[#out + 1] = "    " .. a[#a - tail + 1] end
end

local function shown(line)
  if #line > 100 then
    return line:sub(1, 70) .. string.format("... (%d characters)", #line)
  end
  return line
end

local function add_lines(out, said, from, to)
  from = math.max(from, to - LINES_SHOWN + 1)
  if from > 1 then
    out[#out + 1] = string.format("    (%d line%s before)", from - 1,
      from > 2 and "s" or "")
  end
  for i = from, to do out[#out + 1] = "    " .. shown(said[i]) end
end

-- One conversation; what differs in it is marked where it was said.
local function add_party(out, title, party)
  local said = party.said
  local w = wrong and wrong.party == party and wrong or nil
  out[#out + 1] = "  " .. title
  if not w or not w.want then
    return add_lines(out, said, 1, #said)
  end
  if w.at then -- in the middle
    add_lines(out, said, 1, w.at - 1)
    add_diff(out, "", w.want, shown(w.got))
    for i = w.at + 1, math.min(#said, w.at + LINES_SHOWN) do
      out[#out + 1] = "    " .. shown(said[i])
    end
    return
  end
  local got = lines_of(w.got)
  local want = lines_of(w.want)
  add_lines(out, said, 1, w.to and w.to - #got or #said)
  if #want == 1 and #got == 1 then
    add_diff(out, "S: ", w.want, shown(w.got))
  else
    for _, line in ipairs(want) do out[#out + 1] = "  - S: " .. line end
    for _, line in ipairs(got) do out[#out + 1] = "  + S: " .. shown(line) end
  end
  for i = w.to and w.to + 1 or #said + 1, #said do
    out[#out + 1] = "    " .. shown(said[i])
  end
end

-- Called by C after a case failed.
function M.story()
  local out = {}
  if not now then return "" end
  if wrong and wrong.party == "value" then
    add_values(out, wrong.want, wrong.got)
  end
  local client = wrong and wrong.party or now.newest
  if type(client) ~= "table" or getmetatable(client) ~= ClientMeta then
    client = now.newest
  end
  if client and #client.said > 0 then
    add_party(out, "the client at " .. client.from .. " and the relay (S):",
      client)
  end
  for _, name in ipairs(keys_of(now.hops)) do
    local hop = now.hops[name]
    if #hop.said > 0 then
      add_party(out, "the relay (C) and hop " .. show(name) .. ":", hop)
    end
  end
  return table.concat(out, "\n")
end

-- ---- running ----------------------------------------------------------------

-- Called by C: lab is what C can do, fn the case.
function M.run(given, fn)
  for name, f in pairs(c) do given[name] = f end
  lab = given
  wrong = nil
  now = new_session()
  fn(now)
end

return setmetatable({}, { __index = closed("t", M) })
