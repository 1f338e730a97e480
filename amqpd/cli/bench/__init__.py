"""Measure an AMQP 0-9-1 broker from outside, over its sockets.

Works against any broker by URL and shares nothing with amqpd's own code: frames are prepared once and sent whole,
deliveries are counted by arithmetic, publishers and consumers are processes of their own, so that the client costs far
less than the broker it measures.
"""
