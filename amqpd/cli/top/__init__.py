"""`amqpd top`: a live view of a broker in the terminal, over the control socket or HTTP.

`figures` asks and counts what happened between two looks, `screen` draws, `command` is the command.
"""
