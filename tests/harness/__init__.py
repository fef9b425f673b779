"""What the tests with real processes share: the relay, its command line."""
