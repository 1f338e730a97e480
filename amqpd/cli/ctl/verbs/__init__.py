"""The verbs, by what they are about; each module's VERBS is its list."""
