"""The standard matrix: amqpd, interpreted and compiled, beside Debian's RabbitMQ; `python -m tests.bench.matrix`.

It lives among the tests, since it starts RabbitMQ by `conformance.rabbitmq`, which the package doesn't bring along. It
measures with `amqpd bench`, so that each row can be measured alone against any broker.
"""
