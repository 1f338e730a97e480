"""Real clients, each asked for the same scenarios on amqpd and on RabbitMQ: `python -m interop`."""
