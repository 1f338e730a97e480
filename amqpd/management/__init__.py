"""The management HTTP API, as RabbitMQ's tools expect it, on the broker's own loop.

`http` moves bytes, `dispatch` finds the route and the caller and turns errors into answers, `routes` is the table of
all endpoints, `handlers` answer, `views` know the JSON names of each kind of object. All changes go through
`broker.operations`. Needs the extra `management`; https://www.rabbitmq.com/docs/http-api-reference
"""
