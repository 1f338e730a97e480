"""`amqpd import`: definitions and messages of a running RabbitMQ (or amqpd) move to a running amqpd.

`plan` looks at both through their management APIs and says which queues go, `mover` moves one queue's messages over
AMQP, `command` is the command. A message leaves its source only after the target has confirmed it.
"""
