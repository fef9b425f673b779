local d = require "dragoman"
print "loading"
