-- hoard: memory that is kept from call to call
-- answer: 451 4.3.0
-- log: KiB of memory|ran more than|ran longer than
local hoard = {}
return function()
  while true do hoard[#hoard + 1] = { #hoard } end
end
