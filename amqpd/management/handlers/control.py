"""What only the operator of this machine may do, over the control socket: the application and its limits.

rabbitmqctl does these past the HTTP API. https://www.rabbitmq.com/docs/man/rabbitmqctl.8
"""

from __future__ import annotations

import os

from amqpd.broker.alarms import DISK, MEMORY
from amqpd.broker.login_sources import LoginSources
from amqpd.http.message import Response
from amqpd.management.access import Access
from amqpd.management.api import Call, text_of
from amqpd.management.control import Application, Refused
from amqpd.management.errors import ApiError, bad_request
from amqpd.management.handlers import log
from amqpd.management.handlers.answers import NO_CONTENT
from amqpd.management.handlers.event_stream import events
from amqpd.management.handlers.surroundings import Surroundings
from amqpd.management.routing import Route
from amqpd.management.views.consumers import channel_name
from amqpd.management.views.node import versions
from amqpd.management.waiting import settled


class Operating:
    """The endpoints; all of one process's application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def status(self, call: Call) -> object:
        """Say whether the application runs."""
        return {
            "node": call.broker.name,
            "running": self._application.is_running,
            "os_pid": os.getpid(),
            **versions(call.api),
        }

    async def stop(self, call: Call) -> Response:
        """Stop the application; this socket stays."""
        await self._application.stop()
        return NO_CONTENT

    async def start(self, call: Call) -> Response:
        """Start it again."""
        try:
            await self._application.start()
        except OSError as error:
            raise ApiError(500, "cannot_listen", error.strerror or str(error)) from None
        return NO_CONTENT

    async def reset(self, call: Call) -> Response:
        """Forget everything."""
        try:
            await self._application.reset()
        except Refused as error:
            raise ApiError(409, "conflict", str(error)) from None
        return NO_CONTENT

    async def shut_down(self, call: Call) -> Response:
        """End the process."""
        try:
            self._application.shut_down()
        except Refused as error:
            raise ApiError(409, "conflict", str(error)) from None
        return NO_CONTENT

    async def suspend(self, call: Call) -> Response:
        """Take no new clients."""
        await self._application.listen(on=False)
        return NO_CONTENT

    async def resume(self, call: Call) -> Response:
        """Take new clients again."""
        await self._application.listen(on=True)
        return NO_CONTENT

    async def environment(self, call: Call) -> object:
        """Show the settings in force."""
        return self._application.environment()

    async def limit_memory(self, call: Call) -> object:
        """Set where publishers are blocked: `{"value": 0.6}` (a share) or `{"value": 1000000}` (bytes)."""
        return {"bytes": self._application.limit_memory(_number(await call.body("value")))}

    async def limit_disk(self, call: Call) -> object:
        """Set the free bytes below which publishers are blocked; a float is a multiple of the memory."""
        return {"bytes": self._application.limit_disk(_number(await call.body("value")))}

    async def set_log_level(self, call: Call) -> Response:
        """Set the level of the log."""
        try:
            self._application.set_log_level(text_of(await call.body("level"), "level"))
        except Refused as error:
            raise bad_request(str(error)) from None
        return NO_CONTENT

    async def set_alarm(self, call: Call) -> Response:
        """Raise or clear an alarm by hand: `{"raised": true}`."""
        resource, raised = call.params["resource"], (await call.body("raised"))["raised"]
        if resource not in (MEMORY, DISK):
            raise bad_request(f"there is no alarm '{resource}': expected {MEMORY} or {DISK}")
        if not isinstance(raised, bool):
            raise bad_request(f"'raised' is {raised!r:.40}: expected true or false")
        call.broker.alarms.set(resource, "operator", raised)
        call.api.end_turn()
        return NO_CONTENT

    async def authenticate(self, call: Call) -> object:
        """Check a user's password, whatever its tags."""
        body = await call.body("user", "password")
        password = text_of(body, "password").encode("utf-8", "surrogateescape")
        found = await settled(call.broker.check_password(text_of(body, "user"), password))
        return {"accepted": found is not None}

    async def track_sources(self, call: Call) -> Response:
        """Count logins by address and user too, or no more: `{"tracked": true}`."""
        tracked, statistics = (await call.body("tracked"))["tracked"], call.broker.statistics
        if not isinstance(tracked, bool):
            raise bad_request(f"'tracked' is {tracked!r:.40}: expected true or false")
        if tracked is (statistics.login_sources is None):
            statistics.login_sources = LoginSources() if tracked else None
        return NO_CONTENT

    async def pids(self, call: Call) -> object:
        """Show what events call connections and channels, by their names."""
        connections = [*call.api.node.connections]
        return {
            "connections": {each.name: each.pid for each in connections},
            "channels": {channel_name(each): each.pid for one in connections for each in one.channels.values()},
        }


def routes(application: Application) -> tuple[Route, ...]:
    """The endpoints of one application, beside those that everybody has."""
    operating, surroundings = Operating(application), Surroundings(application)
    table = (
        ("GET", "status", operating.status),
        ("POST", "stop", operating.stop),
        ("POST", "start", operating.start),
        ("POST", "reset", operating.reset),
        ("POST", "shutdown", operating.shut_down),
        ("POST", "listeners/suspend", operating.suspend),
        ("POST", "listeners/resume", operating.resume),
        ("GET", "environment", operating.environment),
        ("GET", "variables", surroundings.variables),
        ("GET", "command-line", surroundings.command_line),
        ("GET", "interfaces", surroundings.interfaces),
        ("GET", "certificates", surroundings.certificates),
        ("GET", "events", events),
        ("GET", "log", log.events),
        ("PUT", "attempt-sources", operating.track_sources),
        ("PUT", "memory-limit", operating.limit_memory),
        ("PUT", "disk-limit", operating.limit_disk),
        ("PUT", "alarms/{resource}", operating.set_alarm),
        ("PUT", "log-level", operating.set_log_level),
        ("POST", "authenticate", operating.authenticate),
        ("GET", "pids", operating.pids),
    )
    return tuple(Route(method, f"/control/{path}", handler, Access.ADMIN) for method, path, handler in table)


def _number(body: dict[str, object]) -> float:
    value = body["value"]
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise bad_request(f"'value' is {value!r:.40}: expected a number that isn't negative")
    return value
