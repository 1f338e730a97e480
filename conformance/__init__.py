"""The outside oracle: one behavioural suite that runs against any AMQP 0-9-1 broker.

It speaks the protocol with its own small client, shares no code with the broker under test, and knows brokers only by
their address. Every expected answer was given by RabbitMQ 3.10.8; where later versions answer differently, the test
says so and quotes what they say.
"""
