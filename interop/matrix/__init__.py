"""The runner: which clients there are, how they are installed and run, and what the matrix says."""
