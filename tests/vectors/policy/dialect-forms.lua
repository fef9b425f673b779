local d = require "dragoman"
d.dialect "mine" { login_form = "inital", ntlm_form = "later", helo = "EHLO" }
