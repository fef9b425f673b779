-- dragoman.events: what the log's events say, as a ladder and as sentences
--
-- For the tools: `explain` reads events as they happen in a lab, or out of the
-- journal.  A ladder is a list of rows: question, asked, decision, where,
-- because, passed, not_reached.
local M = {}

-- ---- JSON ----------------------------------------------------------------

local ESCAPES = { n = "\n", t = "\t", r = "\r", b = "\b", f = "\f" }

local function read_string(s, i)
  local parts = {}
  i = i + 1
  while true do
    local j = s:find('["\\]', i)
    if not j then return nil, i end
    parts[#parts + 1] = s:sub(i, j - 1)
    if s:sub(j, j) == '"' then return table.concat(parts), j + 1 end
    local e = s:sub(j + 1, j + 1)
    if e == "u" then
      local code = tonumber(s:sub(j + 2, j + 5), 16)
      parts[#parts + 1] = code and utf8.char(code) or "?"
      i = j + 6
    else
      parts[#parts + 1] = ESCAPES[e] or e
      i = j + 2
    end
  end
end

-- A line of the log: an object without others inside; nil when it is not.
function M.decode(line)
  local t, i = {}, 2
  if line:sub(1, 1) ~= "{" then return nil end
  while line:sub(i, i) == '"' do
    local key, value
    key, i = read_string(line, i)
    if not key or line:sub(i, i) ~= ":" then return nil end
    i = i + 1
    if line:sub(i, i) == '"' then
      value, i = read_string(line, i)
      if not value then return nil end
    else
      local j = line:find("[,}]", i)
      if not j then return nil end
      value = line:sub(i, j - 1)
      value, i = tonumber(value) or value == "true", j
    end
    t[key] = value
    if line:sub(i, i) ~= "," then break end
    i = i + 1
  end
  return t
end

local CONTROLS = '[%c"\\]'

local function quoted(s)
  return '"' .. s:gsub(CONTROLS, function(ch)
    if ch == '"' or ch == "\\" then return "\\" .. ch end
    return ("\\u%04x"):format(ch:byte())
  end) .. '"'
end

-- Keys sorted, so that the same question gives the same text.  A table with a
-- [1], or marked as M.list(), is an array.
local LIST = {}
function M.list(t) return setmetatable(t or {}, LIST) end

function M.encode(v)
  if type(v) == "string" then return quoted(v) end
  if type(v) ~= "table" then return tostring(v) end
  local parts = {}
  if v[1] ~= nil or getmetatable(v) == LIST then
    for i, x in ipairs(v) do parts[i] = M.encode(x) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local keys = {}
  for key in pairs(v) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do
    parts[i] = quoted(key) .. ":" .. M.encode(v[key])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- ---- text ------------------------------------------------------------------

-- What peers chose must not move a cursor.
function M.clean(s)
  s = tostring(s):gsub("%c", function(ch)
    return ("\\x%02x"):format(ch:byte())
  end)
  return (s:gsub("\xc2[\x80-\x9f]", "?"))
end

function M.lines_of(text)
  local found, at = {}, 1
  while at <= #text do
    local stop = text:find("\n", at, true) or #text + 1
    found[#found + 1] = text:sub(at, stop - 1)
    at = stop + 1
  end
  return found
end

local function pad(s, width)
  local n = width - (utf8.len(s) or #s)
  return n > 0 and s .. (" "):rep(n) or s
end

function M.duration(ms)
  local units = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
    { "s", 1000 } }
  for _, u in ipairs(units) do
    if ms >= u[2] then
      return ("%g%s"):format(math.floor(ms / u[2] * 10) / 10, u[1])
    end
  end
  return "0s"
end

local function file_of(where) return where:match("^(.*):%d+$") end

-- "policy.lua:8, policy.lua:9" is "policy.lua:8,9".
local function places(rows)
  local text, last = "", nil
  for _, where in ipairs(rows) do
    local file, line = where:match("^(.*):(%d+)$")
    if file and file == last then
      text = text .. "," .. line
    else
      text = text .. (text ~= "" and " " or "") .. where
    end
    last = file
  end
  return text
end

-- ---- the ladder ----------------------------------------------------------

-- Which row decided: its own line, that of a row in it (words), or one of a
-- function that stands in it.  Two that may be: neither.
local function row_of(rows, where)
  local found, n = nil, 0
  for i, row in ipairs(rows) do
    local has = row.where == where
    for _, x in ipairs(row.rows or {}) do
      has = has or x.where == where
    end
    if has then found, n = i, n + 1 end
  end
  local file, line = where:match("^(.*):(%d+)$")
  if n > 0 or not file then return n == 1 and found or nil end
  for i, row in ipairs(rows) do
    local f, l = row.where:match("^(.*):(%d+)$")
    if row.asks and f == file and tonumber(l) <= tonumber(line) then
      found = i
    end
  end
  return found
end

-- Rows that stand before and behind the one that decided.
local function beside(rows, where)
  local at = row_of(rows, where)
  local passed, unreached = {}, {}
  if not at and where ~= "built in" then return nil end
  for i, row in ipairs(rows) do
    if row.where == "built in" then break end
    if not at or i < at then
      passed[#passed + 1] = row.where
    elseif i > at then
      unreached[#unreached + 1] = row.where
    end
  end
  return places(passed), places(unreached)
end

function M.named(rows, name)
  for _, row in ipairs(rows or {}) do
    if row.name == name then return row end
  end
end

-- What an event of a decision says was decided.
function M.decision_of(e)
  local text = e.decision or ""
  if text == "to" and e.hop then text = ('hop "%s"'):format(e.hop) end
  if e.code and not text:find(tostring(e.code), 1, true) then
    text = text .. " " .. e.code
  end
  if e.text then text = text .. " " .. e.text end
  for _, key in ipairs { "verb", "mechanism" } do
    if e[key] and not text:find(e[key], 1, true) then
      text = text .. " " .. e[key]
    end
  end
  return text
end

local Ladder = {}
Ladder.__index = Ladder

function M.ladder(rules)
  return setmetatable({ rows = M.list {}, rules = rules, order = 0 }, Ladder)
end

function Ladder:add(row)
  local tables = { peer = self.rules.peers, route = self.rules.routes,
    report = self.rules.words, words = self.rules.words }
  local rows = tables[row.question]
  if rows and row.where and not row.passed then
    row.passed, row.not_reached = beside(rows, row.where)
  elseif rows and row.where and not row.not_reached then
    local _
    _, row.not_reached = beside(rows, row.where)
  end
  for _, key in ipairs { "passed", "not_reached", "because", "where" } do
    if row[key] == "" then row[key] = nil end
  end
  self.rows[#self.rows + 1] = row
end

-- A row that was made out of other facts yields to an event that says the same
-- better: to the same question, by the same line or in the same word.
local function told_by(rows, row)
  for _, x in ipairs(rows) do
    local same = x.question == row.question
      or row.question == "report" and x.question == "words"
    if not x.derived and same and (x.where == row.where and x.where ~= nil
        or row.key and x.decision:find(row.key, 1, true)) then
      return x
    end
  end
end

function Ladder:finish()
  local kept = M.list {}
  for _, row in ipairs(self.rows) do
    local told = row.derived and told_by(self.rows, row)
    if told and not told.asked then told.asked = row.asked end
    if not told then kept[#kept + 1] = row end
  end
  for _, row in ipairs(self.rows) do row.derived, row.key = nil, nil end
  self.rows = kept
  return kept
end

-- Events, each to a row (or none).  book: what was said on the wire, when
-- there is one.
local on = {}
M.on = on

function on.peer(ladder, e)
  local asked = { e.address or "" }
  if e.helo then asked[#asked + 1] = "as " .. e.helo end
  if e.user then asked[#asked + 1] = "user " .. e.user end
  if e.listener or ladder.listener then
    asked[#asked + 1] = "on " .. (e.listener or ladder.listener)
  end
  ladder.peer = M.named(ladder.rules.peers, e.peer)
  ladder:add { derived = true, question = "peer",
    key = e.peer, asked = table.concat(asked, " "),
    decision = ('peer "%s"'):format(e.peer),
    where = e.where }
end

function on.connect(ladder, e) ladder.listener = e.listener end

function on.decision(ladder, e)
  ladder:add { question = e.question or "?",
    asked = e.asked or e.session and ladder.asked or nil,
    decision = M.decision_of(e), where = e.where, because = e.because,
    passed = e.passed, not_reached = e.not_reached }
end

on["session"] = function(ladder, e)
  local login = e.what and e.what:match("^login (.*)$")
  local said = e.what and e.what:match("^said (.*)$")
  if login then
    local users = ladder.peer and ladder.peer.users
    local proof = login:match("^proved: (%S+)")
    ladder:add { derived = true, question = "credential",
      asked = ladder.login or e.user or "",
      decision = proof and ("proved by %s"):format(proof)
        or login:match("^%a+: ") .. (login:match("[^:]*$"):gsub("^ ", "")),
      where = ladder.peer and ladder.peer.where,
      because = users and ('users "%s"'):format(users) }
  elseif said then
    -- a policy's refusal is told by the row before
    local last = ladder.rows[#ladder.rows]
    local text = said:gsub("^%d+ ", ""):gsub("^%d%.%d+%.%d+ ", "")
    if last and last.decision:find(text, 1, true) then return end
    local is_login = said:match("^530 ") and ladder.peer
    ladder:add { derived = true, question = "answer",
      asked = ladder.asked or "", decision = said,
      where = is_login and ladder.peer.where or "built in" }
  end
end

function on.speak(ladder, e)
  local hop = M.named(ladder.rules.hops, e.hop) or {}
  local what = e.what or ""
  local verb, mechanism, why, rest =
    what:match("^said (%S+) (%S+) %((%a+)%), (.*)$")
  local offered = ladder.offered and ladder.offered(e.host) or ""
  if not verb then
    ladder:add { derived = true, question = "speak", asked = offered,
      decision = what, where = hop.where }
    return
  end
  local row = { derived = true, question = "speak", asked = offered,
    key = verb .. " " .. mechanism,
    decision = verb .. " " .. mechanism, where = hop.where, because = why }
  for _, login in ipairs(hop.logins or {}) do
    if login.mechanism == mechanism then
      for _, kind in ipairs { "secret", "token" } do
        if login[kind] then
          row.decision = ('%s, %s "%s"'):format(row.decision, kind,
            login[kind])
        end
      end
      row.where = login.where
    end
  end
  if hop.dialect then
    row.because = why == "assumed" and
      why .. " by " .. hop.dialect.assume_at or
      ("%s; order by %s"):format(why, hop.dialect.say_at)
  end
  ladder:add(row)
  if rest:match("^235 ") then return end
  ladder:add { derived = true, question = "reply",
    asked = rest:match("^(.-) %-> ") or rest,
    decision = rest:match(" %-> (.*)$") or "", where = e.where }
end

on["hop"] = function(ladder, e)
  ladder:add { derived = true, question = "reply", asked = e.said or "",
    decision = ("%s -> %s"):format(e.meaning or "?", e["then"] or "?"),
    where = e.where }
end

function on.deliver(ladder, e)
  if e.outcome == "delivered" then return end
  local next_in = e.next_in_ms and " in " .. M.duration(e.next_in_ms) or ""
  local last = ladder.rows[#ladder.rows]
  if last and last.derived and last.question == "reply" and
      last.asked == e.reply and #ladder.rows > 1 then
    ladder.rows[#ladder.rows] = nil -- the same, said of the connection
  end
  ladder:add { derived = true, question = "reply",
    asked = ("%s: %s"):format(e.to or "?", e.reply or ""),
    decision = ("%s -> %s%s"):format(e.meaning or "?", e.outcome, next_in),
    where = e.where or "built in" }
end

function on.report(ladder, e)
  ladder:add { derived = true, question = "report",
    asked = ("%s: %s"):format(e.about or "?", e.meaning or "?"),
    decision = e.words or "the words below", where = e.where }
end

on["hook-failed"] = function(ladder, e)
  ladder:add { question = "hook", asked = e.question or "?",
    decision = "failed: the safe default", because = e.error }
end

on["policy"] = function(ladder, e)
  ladder:add { question = "log", asked = "", decision = e.text or "",
    where = e.where }
end

-- ---- printing ------------------------------------------------------------

function M.shorten(line)
  local head, rest = line:match("^(.-)([%w+/=]*)$")
  if rest and #rest > 48 then
    return ("%s%s... (%d characters)"):format(head, rest:sub(1, 16), #rest)
  end
  return line
end

local function passed_text(row)
  local parts = {}
  local file = row.where and file_of(row.where)
  local function short(text)
    if file and text:sub(1, #file + 1) == file .. ":" and
        not text:find(" ", 1, true) then
      local numbers = text:sub(#file + 2)
      return (numbers:find(",", 1, true) and "lines " or "line ") .. numbers
    end
    return text
  end
  if row.passed then
    parts[#parts + 1] = short(row.passed) .. " did not match"
  end
  if row.not_reached then
    parts[#parts + 1] = short(row.not_reached) .. " not reached"
  end
  return #parts > 0 and "  (" .. table.concat(parts, "; ") .. ")" or ""
end

local function width_of(rows, key, most)
  local width = 0
  for _, row in ipairs(rows) do
    local n = #M.clean(row[key] or "")
    if n > width and n <= most then width = n end
  end
  return width
end

function M.ladder_text(rows, put)
  local asked = width_of(rows, "asked", 40)
  local decided = width_of(rows, "decision", 46)
  for i, row in ipairs(rows) do
    local where = row.where or ""
    if row.because then
      where = where .. (where ~= "" and ", " or "") .. row.because
    end
    put((("%2d %s  %s  %s  %s%s"):format(i, pad(M.clean(row.question), 10),
      pad(M.shorten(M.clean(row.asked or "")), asked),
      pad(M.clean(row.decision or ""), decided), M.clean(where),
      passed_text(row)):gsub("%s+$", "")))
  end
end

-- The log's word for what became of a recipient, and ours.
local OUTCOMES = { retry = "waiting", ["given-up"] = "failed" }

function M.outcome(e) return OUTCOMES[e.outcome] or e.outcome end

local SENTENCES = {
  waiting = "waits for another try", queued = "waits in the queue",
}

function M.recipient_text(r, put)
  local text = ("%s: %s"):format(r.to, SENTENCES[r.outcome] or r.outcome)
  if r.rewritten_to then
    text = text .. " (as " .. r.rewritten_to .. ")"
  end
  if r.hop then text = text .. ", hop " .. r.hop end
  if r.host then text = text .. " (" .. r.host .. ")" end
  if r.meaning and r.meaning ~= "" then text = text .. ": " .. r.meaning end
  if r.why then text = text .. ": " .. r.why end
  if r.reply and r.reply ~= "" then text = text .. ": " .. r.reply end
  if r.next_in_ms then
    text = text .. "; tried again in " .. M.duration(r.next_in_ms)
  end
  put(M.clean(text))
  if r.later then
    put(M.clean(("  if nothing changes: %s after %s"):format(r.later,
      M.duration(r.later_after_ms or 0))))
  end
end


return M
