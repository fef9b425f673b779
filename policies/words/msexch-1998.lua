-- msexch-1998: what users of that age's mail read when a message came back
--
-- The line MSEXCH:IMS:org:site:server code (hex) text and the sentences above
-- it are those printed in KB Q195201, Q164457, Q242961, Q257264 and Q266092;
-- code: 3000 and the SMTP code where a server (or the client in its name) gave
-- one, 3902 and 3903 for what failed without a reply.  The number in
-- parentheses is a place in that program: 000B0981 is 5.0's, say set = { hex =
-- "000B099C" } for 5.5's.  The frame with "Your message ... did not reach" is
-- that of Q251152.

local SENTENCES = {
  ["no-common-auth"] =
    "One or more mandatory argument(s) were missing from the recipient",
  ["verb-unknown"] =
    "One or more mandatory argument(s) were missing from the recipient",
  ["unknown-recipient"] = "The recipient name is not recognized",
  ["relaying-denied"] = "The recipient name is not recognized",
  ["too-big"] =
    "The content length of the message is too long for the recipient to take "
    .. "delivery.",
}
local OTHERWISE =
  "Unable to deliver the message due to a communications failure"

-- Said in the server's name when it gave no reply of its own.
local WITHOUT_REPLY = {
  ["no-common-auth"] = { 3502, "502 Server does not support AUTH." },
  ["too-big"] = { 3903, "Message exceeds size limit." },
}

-- (`set` was checked: its hex is a number)
local function number(hex)
  return tonumber(hex or "000B0981", 16)
end

local function msexch_line(q)
  local code, text = 3902, "Host Unknown"
  local own = WITHOUT_REPLY[q.meaning]
  if q.code ~= 0 then
    code, text = 3000 + q.code, q.reply
  elseif own then
    code, text = own[1], own[2]
  end
  return ("MSEXCH:IMS:%s:%s:%s %d (%08X) %s"):format(
    q.set.org or "Organization", q.set.site or "Site",
    q.set.server or q.relay, code, number(q.set.hex), text)
end

local function report(q)
  return table.concat({
    "Your message",
    "",
    "      To:      " .. q.recipient,
    "      Subject: " .. q.subject,
    "      Sent:    " .. q.date,
    "",
    "did not reach the following recipient(s):",
    "",
    q.recipient,
    "      " .. (SENTENCES[q.meaning] or OTHERWISE),
    "      " .. msexch_line(q),
  }, "\n")
end

return {
  ["verb-unknown"] = report,
  ["no-common-auth"] = report,
  ["login-refused"] = report,
  ["tls-failed"] = report,
  ["slow-down"] = report,
  ["mailbox-full"] = report,
  ["unreachable"] = report,
  ["temporary"] = report,
  ["unknown-recipient"] = report,
  ["relaying-denied"] = report,
  ["too-big"] = report,
  ["content-refused"] = report,
  ["sender-refused"] = report,
  ["too-old"] = report,
  ["permanent"] = report,
}
