local d = require "dragoman"
smtp.auth("NTLM")
