"""What survives a restart: rows of bytes and definitions, on an engine that can be exchanged."""
