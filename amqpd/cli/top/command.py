"""`amqpd top`."""

from __future__ import annotations

import os
from importlib.util import find_spec

import click

from amqpd.cli.ctl import target
from amqpd.cli.ctl.client import Refused, Unreachable
from amqpd.cli.ctl.patience import pause
from amqpd.cli.top.figures import ORDERS, Watch
from amqpd.clock import SystemClock


@click.command()
@click.option("--interval", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Seconds between looks.")
@click.option("--sort", type=click.Choice(ORDERS), default=ORDERS[0], show_default=True, help="The order of queues.")
@click.option("--once", is_flag=True, help="Look twice, one interval apart, write that down and end.")
@click.option("--node", "-n", help="The broker of this name.")
@click.option("--socket", help="The broker with this control socket.")
@click.option("--data-dir", help="The broker with this data directory.")
@click.option("--url", help="The broker with this management API: http://user:password@host:15672.")
def top(interval: float, sort: str, once: bool, **where: str | None) -> None:
    """Watch a broker: its alarms, connections and rates, and its busiest queues. Ctrl-C ends it."""
    if find_spec("rich") is None:
        raise click.ClickException("this needs the library rich: pip install 'amqpd[server]'")
    from rich.console import Console
    from rich.live import Live

    from amqpd.cli.top.screen import screen

    console, clock = Console(), SystemClock()
    try:
        watch = Watch(target.find({key: value for key, value in where.items() if value is not None}, os.environ))
        figures = watch.look(clock.monotonic())
        if once:
            pause(interval)
            figures = watch.look(clock.monotonic())
            console.print(screen(figures, sort, len(figures.queues) + console.height))
            return
        with Live(screen(figures, sort, console.height), console=console, screen=True, auto_refresh=False) as live:
            while True:
                pause(interval)
                live.update(screen(watch.look(clock.monotonic()), sort, console.height), refresh=True)
    except KeyboardInterrupt:
        return
    except (Unreachable, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except Refused as error:
        raise click.ClickException(error.plain) from error
