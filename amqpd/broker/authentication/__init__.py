"""Who somebody is: backends that are asked in order, off the broker's thread, and what keeps guessing slow."""
