"""HTTP/1.1 for whatever the broker serves beside AMQP: its management and its metrics.

`server` takes accepted sockets and bounds how many there are, `conversation` is the loop of one connection with all its
limits and timeouts, `answers` adds what every answer has (security headers, ETags), `compression` makes bodies smaller.
What is asked for and what is answered is decided by a handler: a function from a Request to a Response (`message`).
Needs h11, which the extras `management` and `metrics` bring.
"""
