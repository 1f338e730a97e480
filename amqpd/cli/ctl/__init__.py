"""`amqpd ctl`, also installed as `amqpctl`: a running broker in its operator's hands, with rabbitmqctl's verbs.

A command line becomes a Request (`command_line`), a Verb answers it by asking the broker (`client`, found by `target`),
and its answer is shown by `output`. Verbs know paths and texts, nothing of sockets or terminals. It speaks HTTP with
the broker and imports nothing of it. https://www.rabbitmq.com/docs/man/rabbitmqctl.8
"""
