local d = require "dragoman"
d.words {
  ["too-big"] = "{Recipient} got more than {size limit} from {from} ({to}), {enhanced_code}",
  subject = "Undeliverable: {subjet}",
}
