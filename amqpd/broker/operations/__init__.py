"""The one door to the model: every change, by AMQP method, HTTP request or command, is one of these functions.

Each takes the session that asks, checks permissions, existence and arguments in RabbitMQ's order, raises an AmqpError
with RabbitMQ's text, and returns its result, or a Pending of it where the change must first become durable. What only
operators do (`operator`) takes the vhost instead.
"""
