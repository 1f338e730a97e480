"""What a hostile client costs the others: `python -m tests.hostile`, or `make hostile`.

A well-behaved publisher and consumer, and a client that logs in now and then, are timed before and while somebody does
one of the things in `attacks`; the broker's memory is watched. Broker, clients and attacker are processes of their own,
on loopback alone; the attacker runs at the lowest priority, since it would have a machine of its own.
"""
