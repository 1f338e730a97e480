"""The scenarios as the Python clients play them: once, over a thin port that each client's driver fills in."""
