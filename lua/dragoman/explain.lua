-- dragoman.explain: a made-up session, and what the relay does with it
--
-- A client and hops that are made up meet the real machines, in a lab.  What
-- is said on each connection is taken down between the lab and the language of
-- the tests (dragoman.test), whose scripted peers play; why it is said is in
-- the log's events (dragoman.events).
local _, c = ...
local events = require "dragoman.events"
local reports = require "dragoman.reports"
local M = {}

local clean, list, lines_of = events.clean, events.list, events.lines_of
local named, shorten = events.named, events.shorten

local PASSWORD = "explain-password" -- of the made-up user

-- ---- the wire ------------------------------------------------------------

local Book = {}
Book.__index = Book

-- Who said what, on each connection; stands between the lab and its language.
local function new_book(given)
  local book = setmetatable({ given = given, conns = {}, order = {},
    hops = {}, is_open = true }, Book)
  local lab = {}
  for name, f in pairs(given) do lab[name] = f end
  function lab.client(...)
    local conn = given.client(...)
    book:open(conn, { is_client = true })
    return conn
  end
  function lab.send(conn, bytes)
    local who = book.conns[conn]
    book:said(conn, who and who.is_client and "C" or "S",
      (bytes:gsub("\r\n$", "")))
    given.send(conn, bytes)
  end
  function lab.event()
    local kind, conn, text = given.event()
    if kind == "open" then
      book:open(conn, { address = text, hop = c.hop_at(text) })
    elseif kind == "line" then
      book:heard(conn, text)
      if book:took_tls(conn, text) then kind = "wait" end
    end
    book:drain()
    return kind, conn, text
  end
  book.lab = lab
  return book
end

function Book:open(conn, t)
  t.lines = list {}
  self.conns[conn] = t
  if self.is_open then self.order[#self.order + 1] = t end
end

function Book:said(conn, who, text)
  local x = self.conns[conn]
  if not x then return end
  if not x.is_client and who == "S" then
    x.last = (x.last or "") .. text .. "\n"
  end
  if not self.is_open then return end
  x.lines[#x.lines + 1] = { who = who, text = text }
end

-- A line of ours.  A message is counted, not shown.
function Book:heard(conn, text)
  local x = self.conns[conn]
  local server = self.s and self.s.servers[conn]
  if not x then return end
  if server and server.body and text ~= "." then
    x.bytes = (x.bytes or 0) + #text + 2
    return
  end
  if server and server.body then
    self:said(conn, "C", ("[the message, %d bytes]"):format(x.bytes or 0))
    x.bytes = nil
    return
  end
  if server and text:upper():match("^[EL]HLO") then
    x.last = ""
    server.hop.ehlo = x.is_tls and self.hops[x.hop].in_tls
      or self.hops[x.hop].in_clear
  end
  local sender = server and text:match("^MAIL FROM:<(.-)>")
  if sender then self.hops[x.hop].sender = sender end
  self:said(conn, x.is_client and "S" or "C", text)
end

function Book:start_tls(conn)
  self.given.start_tls(conn)
  self.conns[conn].is_tls = true
  self:said(conn, "-", "TLS")
end

-- STARTTLS at a hop that shows it: the language of the tests knows none.
function Book:took_tls(conn, text)
  local x, server = self.conns[conn], self.s and self.s.servers[conn]
  if not server or server.body or text:upper() ~= "STARTTLS" or x.is_tls or
      not (x.last or ""):find("[ -]STARTTLS\n") then
    return false
  end
  local reply = server.hop.replies.STARTTLS or "220 2.0.0 go ahead"
  self.lab.send(conn, reply .. "\r\n")
  if reply:sub(1, 3) == "220" then self:start_tls(conn) end
  return true
end

function Book:drain()
  for _, line in ipairs(lines_of(self.given.log())) do
    local e = events.decode(line)
    if e and self.on_event then self.on_event(e) end
  end
end

local LOGINS = { NTLM = true, LOGIN = true, PLAIN = true }

local function has_login(line)
  for word in line:sub(1, 500):gmatch("[%w%-]+") do
    if LOGINS[word:upper()] then return true end
  end
  return line:upper():match("^X?AUTH") ~= nil
end

-- The login lines that the host showed in its last EHLO answer.
function Book:offered(address)
  local found, text
  for _, x in ipairs(self.order) do
    if x.address == address and x.last then text = x.last end
  end
  for _, line in ipairs(lines_of(text or "")) do
    if line:match("^250[ %-]") and has_login(line:sub(5)) then
      found = (found and found .. ", " or "") .. line
    end
  end
  return found or text and "250 (shows no login)" or ""
end

-- ---- the client ----------------------------------------------------------

local function say(book, client, line)
  book.asked = line
  book.lab.send(client.conn, line .. "\r\n")
end

-- The next reply as lines, or nil: the relay hung up.
local function heard(client)
  local ok, reply = pcall(client.next_reply, client)
  if ok then return reply end
  if client.is_closed then return nil end
  error(reply, 0)
end

local function ask(book, client, line)
  say(book, client, line)
  return heard(client)
end

local function is(reply, code)
  return reply ~= nil and reply[1]:sub(1, #code) == code
end

local function last_of(reply)
  return reply and reply[#reply] or "the relay closed the connection"
end

-- verb, separator and mechanism of the first login shown that we can do.
local function login_shown(offer)
  for _, line in ipairs(offer) do
    local verb, separator, rest = line:match("^([%w%-]+)([ =])(.*)$")
    for word in (rest or ""):sub(1, 500):gmatch("%S+") do
      if LOGINS[word:upper()] and has_login(line) then
        return verb, separator, word:upper()
      end
    end
  end
end

local function log_in(book, client, offer, q, peer)
  local verb, separator, mechanism = login_shown(offer)
  if not verb then return nil, "no login is shown to this client" end
  local domain, user = q.user:match("^([^\\]*)\\(.*)$")
  local levels = peer and peer.dialect.take or {}
  local level = "v2"
  for i, x in ipairs(levels) do
    if i == 1 or x == "v2" then level = x end
  end
  local i = c.initiator(mechanism, user or q.user, PASSWORD, domain or "",
    level, true)
  local _, text = i:first()
  local reply = ask(book, client, verb .. separator .. mechanism ..
    (text ~= "" and " " .. text or ""))
  book.login = ("%s %s as %s"):format(verb, mechanism, q.user)
  while is(reply, "334") do
    local step
    step, text = i:step(reply[1]:sub(5))
    reply = ask(book, client, step == "fail" and "*" or text)
  end
  return is(reply, "235"), last_of(reply)
end

-- The lines of an EHLO answer; each keyword is a key, too.
local function offer_in(reply)
  local offer = {}
  for i = 2, #reply do
    local line = reply[i]:sub(5)
    offer[i - 1] = line
    offer[line:match("^[^ =]*"):upper()] = true
  end
  return offer
end

local function message(q)
  return table.concat({
    "From: <" .. q.mail .. ">", "To: <" .. table.concat(q.rcpts, ">, <") .. ">",
    "Subject: explain", "", "A message that dragoman explain made up.", "",
  }, "\r\n")
end

-- The whole session; what was refused stands in result.refused (of all) and
-- result.rcpts[i].
local function talk(s, book, q, result, peer_now)
  local client = s:client { from = q.from, listener = q.listener }
  local function refused(reply)
    if not result.refused then result.refused = last_of(reply) end
  end
  if q.is_implicit_tls then book:start_tls(client.conn) end
  local reply = heard(client)
  if not is(reply, "220") then return refused(reply) end
  local peer = peer_now()
  local hello = peer and peer.dialect.helo == "helo" and "HELO" or "EHLO"
  reply = ask(book, client, hello .. " " .. q.helo)
  if hello == "EHLO" and reply and not is(reply, "250") then
    reply = ask(book, client, "HELO " .. q.helo)
  end
  if not is(reply, "250") then return refused(reply) end
  local offer = offer_in(reply)
  if offer.STARTTLS and (q.wants_tls or peer_now() and peer_now().needs_tls)
  then
    reply = ask(book, client, "STARTTLS")
    if not is(reply, "220") then return refused(reply) end
    book:start_tls(client.conn)
    reply = ask(book, client, hello .. " " .. q.helo)
    if not is(reply, "250") then return refused(reply) end
    offer = offer_in(reply)
  end
  result.on_offer(offer)
  if q.user ~= "" then
    local ok, why = log_in(book, client, offer, q, peer_now())
    if not ok then result.notes[#result.notes + 1] = "login: " .. why end
  end
  local took = 0
  reply = ask(book, client, "MAIL FROM:<" .. q.mail .. ">")
  if not is(reply, "2") then
    refused(reply)
  else
    for i, to in ipairs(q.rcpts) do
      reply = ask(book, client, "RCPT TO:<" .. to .. ">")
      if is(reply, "2") then
        took = took + 1
        result.rcpts[i].number = took
      else
        result.rcpts[i].refused = last_of(reply)
      end
    end
  end
  if took > 0 then reply = ask(book, client, "DATA") end
  if took > 0 and is(reply, "354") then
    local text = message(q)
    book:said(client.conn, "C", ("[the message, %d bytes]"):format(#text))
    book.asked = "the end of the message"
    book.given.send(client.conn, text .. ".\r\n")
    reply = heard(client)
  end
  if took > 0 and not is(reply, "250") then refused(reply) end
  if reply then ask(book, client, "QUIT") end
end

-- ---- the hops ------------------------------------------------------------

local NO_LOGIN = { STARTTLS = true, HELP = true, VRFY = true, EXPN = true,
  ETRN = true, BDAT = true }
local EVERY_VERB = setmetatable({}, {
  __index = function(_, verb) return not NO_LOGIN[verb] end,
})
local SCRIPT_KEYS = { ehlo = true, takes = true, down = true,
  greeting = true, unknown = true }

-- One script for all hops, or { branch = {...}, hq = {...} }.
local function script_for(script, rules, name)
  local of_hop = false
  for key, value in pairs(script) do
    if type(value) == "table" and not SCRIPT_KEYS[key] then
      if not named(rules.hops, key) then
        error(("--hop-script: the policy has no hop %q"):format(key), 0)
      end
      of_hop = true
    end
  end
  return of_hop and (script[name] or {}) or script
end

-- What a script says to a message it says to ours alone: reports and alerts,
-- which the same hops are given, arrive.
local OF_MESSAGE = { MAIL = true, RCPT = true, DATA = true, END = true }

local function with_verbs(script, mail, seen)
  local t = {}
  for key, value in pairs(script) do
    t[key] = value
    if OF_MESSAGE[key] and mail ~= "" then
      t[key] = function(hop)
        if seen.sender ~= mail then return nil end
        if type(value) == "function" then return value(hop) end
        return value
      end
    end
  end
  if type(t.takes) == "table" then
    t.takes = {}
    for key, value in pairs(script.takes) do
      if type(key) == "number" then t.takes[value:upper()] = true
      else t.takes[key:upper()] = value end
    end
  end
  return t
end

-- A server that takes everything.
local function everything(hop)
  local ehlo = { "PIPELINING", "SIZE 10000000", "8BITMIME",
    "AUTH NTLM LOGIN PLAIN" }
  if hop.tls ~= "never" then ehlo[#ehlo + 1] = "STARTTLS" end
  return { ehlo = ehlo, takes = EVERY_VERB }
end

-- What a server of that dialect shows and takes.
local function shown_by(dialect)
  local ehlo, takes = { "SIZE 10000000" }, {}
  for _, line in ipairs(dialect.offer) do
    ehlo[#ehlo + 1] = line.all and line.verb .. " NTLM LOGIN PLAIN"
      or line.text
    takes[line.verb:upper()] = true
  end
  for _, verb in ipairs(dialect.accept) do takes[verb:upper()] = true end
  if not dialect.hides_tls then ehlo[#ehlo + 1] = "STARTTLS" end
  return { ehlo = ehlo, takes = takes }
end

-- In TLS it is not shown a second time (RFC 3207 4.2).
local function behave(h, seen, ...)
  for _, script in ipairs { ... } do h:script(script) end
  seen.in_clear, seen.in_tls = h.ehlo, {}
  for _, line in ipairs(h.ehlo) do
    if line:upper() ~= "STARTTLS" then
      seen.in_tls[#seen.in_tls + 1] = line
    end
  end
end

local function set_up_hops(s, book, rules, q)
  -- what hooks that ask outside are told
  if q.script.dns then s:dns(q.script.dns) end
  if q.script.web then s:web(q.script.web) end
  q.script.dns, q.script.web = nil, nil
  for _, hop in ipairs(rules.hops) do
    local seen = {}
    book.hops[hop.name] = seen
    behave(s:hop(hop.name), seen, everything(hop),
      q.hop_dialect and shown_by(q.hop_dialect) or {},
      with_verbs(script_for(q.script, rules, hop.name), q.mail, seen))
  end
end

-- Alerts and reports go to hops too: only what carried ours is shown.
local function ours(x, q)
  local wanted, parts, part = {}, {}, list {}
  for _, to in ipairs(q.rcpts) do wanted[to] = true end
  parts[1] = part
  for _, line in ipairs(x.lines) do
    if line.who == "C" and line.text:match("^MAIL FROM") then
      part = list {}
      parts[#parts + 1] = part
    end
    part[#part + 1] = line
  end
  local kept, has_ours = parts[1], #parts == 1
  for i = 2, #parts do
    local is_ours = false
    for _, line in ipairs(parts[i]) do
      local to = line.who == "C" and line.text:match("^RCPT TO:<(.-)>")
      if to and (wanted[to] or x.rewritten and x.rewritten[to]) then
        is_ours = true
      end
    end
    if is_ours then
      has_ours = true
      for _, line in ipairs(parts[i]) do kept[#kept + 1] = line end
    end
  end
  return has_ours and kept or nil
end

-- ---- what becomes of it --------------------------------------------------

local function header(body, name)
  local _, at = body:find("\n" .. name .. ": ", 1, true)
  return at and body:sub(at + 1, (body:find("\n", at, true) or 0) - 1) or nil
end

-- Reports that hops were given since: to, subject, text.
local function reports_of(s, rules)
  local found = list {}
  for _, hop in ipairs(rules.hops) do
    for _, m in ipairs(s:hop(hop.name).messages) do
      local body = m.body or ""
      if body:find("multipart/report", 1, true) then
        found[#found + 1] = { to = m.to[1] or "", via = hop.name,
          subject = header(body, "Subject"),
          language = header(body, "Content-Language"),
          status = header(body, "Status"), text = reports.human_part(body) }
      end
    end
  end
  return found
end

local function waits(s)
  for _, row in ipairs(s.queue) do
    if row.to then return true end
  end
  return false
end

-- The clock is moved until what waits is given up, and its sender told.
local function wait_for_end(s, book, rules)
  local longest = 0
  for _, hop in ipairs(rules.hops) do
    longest = math.max(longest, hop.give_up_ms)
  end
  s:pass(("%ds"):format(longest // 1000 + 60))
  if #reports_of(s, rules) > 0 or not waits(s) then return end
  -- the report itself waits for a hop that is not well
  for _, hop in ipairs(rules.hops) do
    local h = s:hop(hop.name)
    h.replies, h.is_down = {}, false
    behave(h, book.hops[hop.name], everything(hop))
  end
  s:advance "1h"
  s:advance "1d"
end

local function play(s, book, rules, q)
  local ladder = events.ladder(rules)
  local result = { rcpts = {}, notes = list {} }
  local outcomes, is_later, id, lost = {}, false, nil, nil
  ladder.offered = function(host) return book:offered(host) end
  for i, to in ipairs(q.rcpts) do result.rcpts[i] = { to = to } end
  local accepted = {}
  book.s = s
  book.on_event = function(e)
    if e.event == "accept" and not is_later then
      id = e.id
      accepted[#accepted + 1] = e.to
    elseif e.event == "discard" then
      outcomes[e.to] = { outcome = "discarded" }
    elseif e.event == "deliver" and e.id == id and not is_later then
      outcomes[e.to] = e
    elseif e.event == "deliver" and e.id == id then
      outcomes[e.to].later = e
    elseif e.event == "alert" and e.name == "report-lost" and id and
        (e.text or ""):find(id, 1, true) then
      lost = e.text
    end
    -- an alert's or a report's way is no part of this message's
    local about_ours = e.id == nil or e.id == id
    local f = events.on[e.event]
    local is_words = e.event == "report" or e.question == "report"
      or e.question == "words"
    if f and about_ours and (not is_later or is_words) then
      ladder.asked, ladder.login = book.asked, book.login
      if e.event == "decision" and e.question == "route" then
        ladder.asked = (book.asked or ""):match("<(.*)>") or book.asked
      end
      f(ladder, e)
    end
  end
  result.on_offer = function(offer)
    local shown = {}
    for _, line in ipairs(offer) do
      if has_login(line) then shown[#shown + 1] = "250-" .. line end
    end
    local dialect = ladder.peer and ladder.peer.dialect
    ladder:add { derived = true, question = "offer", asked = book.asked,
      key = shown[1] and shown[1]:sub(5),
      decision = #shown > 0 and table.concat(shown, ", ")
        or "no login is shown",
      where = dialect and dialect.offer_at or "built in",
      because = dialect and ('dialect "%s"'):format(dialect.name) }
  end
  local tables = {}
  for _, peer in ipairs(rules.peers) do
    if peer.users and q.user ~= "" and not tables[peer.users] then
      tables[peer.users] = true
      s:users(peer.users, { [q.user:match("([^\\]*)$")] = PASSWORD })
    end
  end
  set_up_hops(s, book, rules, q)
  talk(s, book, q, result, function() return ladder.peer end)
  s:settle()
  book:drain()
  book.is_open, is_later = false, true
  if waits(s) then
    wait_for_end(s, book, rules)
  else
    s:advance "1m"
  end
  book:drain()

  local out = { question = q, ladder = ladder:finish(), notes = result.notes,
    hops = list {}, recipients = list {}, reports = reports_of(s, rules) }
  local rewritten = {}
  for _, to in ipairs(accepted) do rewritten[to] = true end
  for _, x in ipairs(book.order) do
    x.rewritten = rewritten
    if x.is_client then
      out.client = x.lines
    else
      local kept = ours(x, q)
      if kept then
        out.hops[#out.hops + 1] = { hop = x.hop, address = x.address,
          lines = kept }
      end
    end
  end
  for i, r in ipairs(result.rcpts) do
    local to = accepted[r.number or 0] or r.to
    local e = outcomes[to]
    local row = { to = r.to }
    out.recipients[i] = row
    if to ~= r.to then row.rewritten_to = to end
    if r.refused or result.refused or not e then
      row.outcome = "refused"
      row.why = r.refused or result.refused or "no more was heard of it"
    else
      row.outcome = events.outcome(e)
      row.hop, row.host = e.hop, e.host
      row.reply, row.meaning, row.tries = e.reply, e.meaning, e.tries
      row.next_in_ms = e.next_in_ms
      local last = e.later
      if last then
        row.later = last.outcome == "given-up" and "given up" or last.outcome
        row.later_after_ms = last.age_ms
      end
    end
  end
  if lost then out.report_lost = lost end
  return out
end

-- ---- printing ------------------------------------------------------------

local function session_text(r)
  local out = {}
  local function put(line) out[#out + 1] = line end
  local function conversation(title, lines)
    put("")
    put(clean(title))
    for _, line in ipairs(lines) do
      for _, part in ipairs(lines_of(line.text .. "\n")) do
        put(("  %s: %s"):format(line.who, shorten(clean(part))))
      end
    end
  end
  events.ladder_text(r.ladder, put)
  put("")
  for _, row in ipairs(r.recipients) do events.recipient_text(row, put) end
  for _, note in ipairs(r.notes) do put(clean(note)) end
  conversation(("client %s (C) and relay (S)"):format(r.question.from),
    r.client or {})
  for _, hop in ipairs(r.hops) do
    conversation(("relay (C) and hop %s, %s (S)"):format(hop.hop,
      hop.address), hop.lines)
  end
  for _, report in ipairs(r.reports) do
    put("")
    put(clean(("what %s would read (hop %s), \"%s\":"):format(report.to,
      report.via, report.subject or "")))
    for _, line in ipairs(lines_of(report.text)) do
      put(line == "" and "" or "  " .. clean(line))
    end
  end
  if r.report_lost then
    put("")
    put("nobody would read a report: " .. clean(r.report_lost))
  end
  return table.concat(out, "\n") .. "\n"
end

-- given: what a case of a test can do, and log(); rules: the policy's tables.
function M.session(given, rules, q)
  local t = require "dragoman.test"
  local book = new_book(given)
  local r
  t.run(book.lab, function(s) r = play(s, book, rules, q) end)
  if not q.as_json then return session_text(r) end
  r.question = { from = q.from, listener = q.listener, helo = q.helo,
    user = q.user, mail = q.mail, rcpts = q.rcpts }
  return events.encode(r) .. "\n"
end

return M
