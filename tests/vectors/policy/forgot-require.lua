d.hop "x" { hosts = { "a.example" } }
