"""Streams: a log that many consumers read, each at its own place. https://www.rabbitmq.com/docs/streams"""
