"""The management of a running broker, put together: what takes accepted sockets."""

from __future__ import annotations

import trio

from amqpd.management.api import Api
from amqpd.management.dispatch import Dispatcher
from amqpd.management.http import HttpServer
from amqpd.management.routes import ROUTES


def http_server(api: Api, nursery: trio.Nursery) -> HttpServer:
    """Serve the API on sockets that are handed in; its connections are tasks of this nursery."""
    return HttpServer(Dispatcher(api, ROUTES).handle, nursery)
