"""Metrics for Prometheus, under RabbitMQ's names: read from the model when somebody asks, a slice at a time."""
