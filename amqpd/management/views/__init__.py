"""The JSON of each kind of object: RabbitMQ's names and types, each in one place, and nothing but that."""
