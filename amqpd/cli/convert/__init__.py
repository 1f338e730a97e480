"""`amqpd config convert`: a rabbitmq.conf becomes amqpd's settings, and what has none is named with the reason.

`sysctl` reads the file, `keys` is the table of what each key becomes, `toml` writes, `command` is the command.
https://www.rabbitmq.com/docs/configure
"""
