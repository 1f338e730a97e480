"""For tests: a look inside a broker, time that can be moved, faults on demand, and a pytest plugin."""
