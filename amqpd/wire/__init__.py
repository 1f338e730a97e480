"""Bytes to AMQP and back. Knows no broker, no socket and no clock; the only layer that imports pamqp."""
