"""The management API under schemathesis: requests that its own description allows, and such that it doesn't."""
