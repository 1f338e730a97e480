"""Rates: what counters were some seconds ago.

The model keeps counters and no past. While the API is served, `sampler` writes down every five seconds what the
counters of some objects are (`counted` says which ones an object has), `history` keeps that for a while, and `details`
makes of it the `..._details` that RabbitMQ shows. Nothing of this is on the way of a message.
https://www.rabbitmq.com/docs/management#statistics
"""
