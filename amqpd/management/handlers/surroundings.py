"""What the broker's process has around it: how it was started, its machine's network, its listeners' certificates."""

from __future__ import annotations

import trio

from amqpd.management.api import Call
from amqpd.management.certificates import pems
from amqpd.management.control import Application
from amqpd.management.interfaces import interfaces


class Surroundings:
    """The endpoints; all of one process's application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def variables(self, call: Call) -> object:
        """Show the environment variables that are amqpd's."""
        return self._application.variables()

    async def command_line(self, call: Call) -> object:
        """Show what the process was started with."""
        return self._application.command_line()

    async def interfaces(self, call: Call) -> object:
        """Show the addresses of this machine, by network interface."""
        return interfaces()

    async def certificates(self, call: Call) -> object:
        """Show the certificates of the listeners that have one."""
        shown = []
        for each in call.api.listening():
            if each.certificate is not None:
                where = {"protocol": each.protocol, "interface": each.host, "port": each.port}
                found = await trio.to_thread.run_sync(pems, each.certificate)
                trusted = [] if each.ca is None else await trio.to_thread.run_sync(pems, each.ca)
                shown.append({**where, "node": call.broker.name, "certificates": found, "ca": trusted})
        return shown
