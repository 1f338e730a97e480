"""`python -m amqpd` is the command `amqpd`."""

from amqpd.cli.main import main

if __name__ == "__main__":
    main()
