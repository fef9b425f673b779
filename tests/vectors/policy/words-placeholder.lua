local d = require "dragoman"
d.words { ["too-big"] = "Too big for {hots}: {size} of {limit}; use {braces} sparingly, { } is fine" }
d.words { subject = "Undeliverable: {subjekt}" }
