"""A carrier behind an HTTP API of its own: what to ask and how to read it is in the channel's settings."""
