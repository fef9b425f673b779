-- dragoman.life: what the journal has about a message
--
-- Every event of its name, of the session that brought it and of its reports,
-- oldest first, as sentences.  Session names are used again by the next run of
-- the relay: an event counts with the number of its run.
local events = require "dragoman.events"
local M = {}

local clean, list, lines_of = events.clean, events.list, events.lines_of
local decision_of, duration = events.decision_of, events.duration

-- Events of the journal with this text: decoded, with the number of their run.
local function events_with(journal, needle)
  local found = {}
  local text, files = journal(needle)
  for _, line in ipairs(lines_of(text)) do
    local run, at, rest = line:match("^(%d+) (%d+) (.*)$")
    local e = rest and events.decode(rest)
    if e then
      e.run, e.at = tonumber(run), tonumber(at)
      found[#found + 1] = e
    end
  end
  return found, files
end

local function about(journal, id)
  local found = {}
  for _, e in ipairs(events_with(journal, '"' .. id .. '"')) do
    if e.id == id or e.about == id then found[#found + 1] = e end
  end
  return found
end

-- What a session was asked for another message is no part of this one.
local OF_ENVELOPE = { sender = true, recipient = true, route = true,
  content = true }

local function of_session(journal, run, session, id)
  local found, pending = {}, {}
  for _, e in ipairs(events_with(journal, '"session":"' .. session .. '"')) do
    if e.run ~= run or e.session ~= session then
      goto next_one
    elseif e.event == "accept" then
      if e.id ~= id then pending = {} end
      for _, x in ipairs(pending) do found[#found + 1] = x end
      pending = {}
    elseif e.id and e.id ~= id then
      goto next_one
    elseif e.event == "decision" and OF_ENVELOPE[e.question] then
      pending[#pending + 1] = e
    elseif not e.id then
      found[#found + 1] = e
    end
    ::next_one::
  end
  return found
end

local function by_time(told)
  table.sort(told, function(a, b)
    if a.time ~= b.time then return a.time < b.time end
    return a.at < b.at
  end)
  for _, e in ipairs(told) do e.at = nil end
  return told
end

local function bracket(address) return "<" .. (address or "") .. ">" end

local function host_of(e)
  return ("hop %s%s"):format(e.hop or "?",
    e.host and " (" .. e.host .. ")" or "")
end

local SAY = {}

function SAY.connect(e)
  return ("%s connects to listener %s (session %s)"):format(
    e.address or "?", e.listener or "?", e.session or "?")
end

function SAY.peer(e)
  return ('this is peer "%s"'):format(e.peer or "?")
end

function SAY.session(e) return e.what or "" end

function SAY.decision(e)
  local asked = e.asked and e.asked .. ": " or ""
  return ("%s: %s%s"):format(e.question or "?", asked, decision_of(e))
end

function SAY.accept(e)
  return ("taken from %s for %s, %s bytes, hop %s"):format(bracket(e.from),
    bracket(e.to), e.size or "?", e.hop or "?")
end

function SAY.discard(e)
  return ("discarded for %s: a policy says so"):format(bracket(e.to))
end

function SAY.speak(e) return ("%s: %s"):format(host_of(e), e.what or "") end

SAY["hop"] = function(e)
  return ("%s: %s: %s -> %s"):format(host_of(e), e.said or "",
    e.meaning or "?", e["then"] or "?")
end

SAY["in-doubt"] = function(e)
  return ("%s: %s"):format(host_of(e), e.what or "")
end

function SAY.deliver(e)
  local to = bracket(e.to)
  if e.outcome == "delivered" then
    return ("delivered for %s to %s: %s"):format(to, host_of(e),
      e.reply or "")
  end
  local text = ("%s for %s, %s: %s: %s"):format(e.outcome or "?", to,
    host_of(e), e.meaning or "", e.reply or "")
  if e.next_in_ms then
    text = text .. "; tried again in " .. duration(e.next_in_ms)
  end
  return text
end

function SAY.report(e)
  return ("%s gets words about %s: %s"):format("the sender",
    bracket(e.about), e.words or e.meaning or "")
end

SAY["report-sent"] = function(e)
  return ("report %s about message %s for %s, hop %s"):format(e.id or "?",
    e.about or "?", bracket(e.to), e.hop or "?")
end

function SAY.disconnect(e)
  return ("the client is gone (%s), %d messages in its session"):format(
    e.why or "", e.messages or 0)
end

local PLAIN = { time = true, level = true, event = true, run = true,
  id = true, session = true, where = true, because = true, passed = true }

local function sentence(e)
  local text
  if SAY[e.event] then
    text = SAY[e.event](e)
  else
    local keys, parts = {}, { e.event }
    for key in pairs(e) do
      if not PLAIN[key] then keys[#keys + 1] = key end
    end
    table.sort(keys)
    for _, key in ipairs(keys) do
      parts[#parts + 1] = ("%s: %s"):format(key, tostring(e[key]))
    end
    text = table.concat(parts, ", ")
  end
  local where = e.where
  if where and e.because then where = where .. ", " .. e.because end
  if where and e.passed then
    where = where .. "; " .. e.passed .. " did not match"
  end
  return text .. (where and "  [" .. where .. "]" or "")
end

-- What became of each recipient: the last that was said of it.
local function ends_of(told, id)
  local rows, by_address = list {}, {}
  for _, e in ipairs(told) do
    local is_end = e.event == "accept" or e.event == "deliver"
      or e.event == "discard" or e.event == "report-sent"
    if e.id == id and is_end and e.to then
      local row = by_address[e.to]
      if not row then
        row = { to = e.to, outcome = "queued" }
        by_address[e.to] = row
        rows[#rows + 1] = row
      end
      if e.event == "discard" then row.outcome = "discarded" end
      if e.event == "deliver" then
        row.outcome = events.outcome(e)
        row.hop, row.host, row.reply = e.hop, e.host, e.reply
        row.meaning, row.tries, row.next_in_ms =
          e.meaning, e.tries, e.next_in_ms
      elseif e.hop then
        row.hop = e.hop
      end
    end
  end
  return rows
end

local function life_text(r)
  local out = {}
  local function put(line) out[#out + 1] = line end
  put(clean(("message %s%s"):format(r.id,
    r.sender and " from " .. bracket(r.sender) or "")))
  for _, row in ipairs(r.recipients) do events.recipient_text(row, put) end
  put("")
  for _, e in ipairs(r.events) do
    local time = (e.time or ""):gsub("T", " "):gsub("Z$", "")
    local of = e.id and e.id ~= r.id and e.event ~= "report-sent"
      and "(report " .. e.id .. ") " or ""
    put(clean(("%s  %s%s"):format(time, of, sentence(e))))
  end
  return table.concat(out, "\n") .. "\n"
end

-- Names that begin alike: the longest beginning that has any.
local function near(journal, id)
  for n = #id, 3, -1 do
    local seen, names = {}, list {}
    local start = id:sub(1, n)
    for _, e in ipairs(events_with(journal, '"id":"' .. start)) do
      if e.id and not seen[e.id] and e.id:sub(1, n) == start then
        seen[e.id] = true
        names[#names + 1] = e.id
      end
    end
    if #names > 0 then return names, n end
  end
  return list {}, 0
end

local function unknown(q, journal, names)
  local all, files = events_with(journal, "")
  local first, last = all[1], all[#all]
  if files == 0 then
    return ("no journal is at %s: no relay has run on this spool, or "
      .. "limits.journal is 0\n"):format(q.path)
  end
  local text = ("nothing is known of message %s; looked through %s%s: "
    .. "%d events%s\n"):format(q.id, q.path,
    files > 1 and " and " .. q.path .. ".1" or "", #all,
    first and (", %s to %s"):format(first.time or "?", last.time or "?")
      or "")
  if #names > 0 then
    local shown = {}
    for i = math.max(1, #names - 9), #names do
      shown[#shown + 1] = names[i]
    end
    text = text .. ("%d begin%s like it: %s\n"):format(#names,
      #names == 1 and "s" or "", clean(table.concat(shown, " ")))
  end
  return text
end

-- q.id, q.path; journal(needle) gives the lines that contain it.  Also false
-- when nothing is known of it.
function M.life(q, journal)
  if not q.id:match("^%w+$") then
    return ("%q is no message's name: those are letters and digits, as in "
      .. "`dragoman queue list`\n"):format(clean(q.id)), false
  end
  local id, told = q.id, about(journal, q.id)
  if #told == 0 then
    local names, n = near(journal, q.id)
    if #names ~= 1 or n < #q.id then
      return (unknown(q, journal, names)), false
    end
    id = names[1]
    told = about(journal, id)
  end
  local r = { id = id, events = list {}, reports = list {}, sessions = list {} }
  local seen = {}
  for i = 1, #told do
    local e = told[i]
    local key = e.session and e.run .. " " .. e.session
    if key and not seen[key] and e.event == "accept" then
      seen[key] = true
      r.sessions[#r.sessions + 1] = e.session
      r.sender = e.from or ""
      for _, x in ipairs(of_session(journal, e.run, e.session, id)) do
        told[#told + 1] = x
      end
    elseif e.event == "report-sent" and e.about == id and e.id then
      r.reports[#r.reports + 1] = e.id
      for _, x in ipairs(about(journal, e.id)) do
        if x.event ~= "report-sent" then told[#told + 1] = x end
      end
    end
  end
  for _, e in ipairs(by_time(told)) do r.events[#r.events + 1] = e end
  r.recipients = ends_of(r.events, id)
  if q.as_json then return events.encode(r) .. "\n", true end
  return life_text(r), true
end

return M
