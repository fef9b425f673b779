-- dragoman.reports: reading a report as the person it was written for does
local M = {}

-- The text/plain part, quoted-printable undone as far as our own reports need.
function M.human_part(body)
  local at = body:find("\nContent-Type: text/plain", 1, true)
  local _, from = body:find("\n\n", at or 1, true)
  local to = from and body:find("\n--", from, true)
  if not at or not to then return "" end
  local text = body:sub(from + 1, to - 1)
  return (text:gsub("=\n", ""):gsub("=(%x%x)", function(h)
    return string.char(tonumber(h, 16))
  end))
end

return M
