"""The pure heart: definitions, events, decisions. No clock, randomness, I/O, threads or logging."""
