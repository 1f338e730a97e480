"""The management of a running broker, put together: what takes accepted sockets."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import trio

from amqpd.http.server import HttpServer
from amqpd.management.api import Api
from amqpd.management.dispatch import Dispatcher
from amqpd.management.routes import ROUTES
from amqpd.management.site import Site


def http_server(
    api: Api, nursery: trio.Nursery, tls: Callable[[], ssl.SSLContext | None] = lambda: None
) -> HttpServer:
    """Serve the API and the web UI on sockets that are handed in; its connections are tasks of this nursery."""
    return HttpServer(Site(api.prefix, Dispatcher(api, ROUTES).handle).handle, nursery, tls=tls)
