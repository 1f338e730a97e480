"""The management of a running broker, put together: what answers requests from the network, and an operator's own."""

from __future__ import annotations

from amqpd.http.message import Handle
from amqpd.management.api import Api
from amqpd.management.control import Application, Control
from amqpd.management.dispatch import Dispatcher
from amqpd.management.pages import pages
from amqpd.management.routes import ROUTES
from amqpd.management.site import Site


def public(api: Api) -> Handle:
    """Answers clients who log in, and gives browsers the web UI."""
    provider = None if api.sign_on is None else api.sign_on.provider_url
    return Site(api.prefix, Dispatcher(api, ROUTES).handle, pages(ROUTES), provider).handle


def local(api: Api, application: Application, token: str | None) -> Handle:
    """Answers whoever holds the control socket, or the token."""
    return Control(api, application, token).handle
