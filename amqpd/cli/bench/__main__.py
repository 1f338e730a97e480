"""``python -m amqpd.cli.bench``: the load tool without the rest of the command line."""

from __future__ import annotations

from amqpd.cli.bench.command import bench

if __name__ == "__main__":
    bench(prog_name="amqpd bench")
