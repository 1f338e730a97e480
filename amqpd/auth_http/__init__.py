"""Asks a service over HTTP who users are and what they may do, as RabbitMQ's rabbitmq_auth_backend_http does."""
