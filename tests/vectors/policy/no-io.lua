local d = require "dragoman"
for l in io.lines "hosts" do d.hop(l) { hosts = { l } } end
