"""The crash test of the journal: the broker is killed while clients use it, and the clients' logs are checked."""
