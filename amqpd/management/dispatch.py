"""One request: its route, its caller, its answer; and the one place where anything that goes wrong becomes one.

The order is RabbitMQ's: path, method, login, tags, then what the endpoint itself finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from amqpd.broker.undecided import Undecided
from amqpd.http.message import ReadBody, Request, Response
from amqpd.log import get_logger
from amqpd.management.access import Access, Caller, log_in, require
from amqpd.management.api import Api, Call, query_of
from amqpd.management.encoding import JSON, encode
from amqpd.management.errors import ApiError, answer_to, not_authorised, not_found
from amqpd.management.listing import Listing, respond, whole
from amqpd.management.rates.details import ranges_of
from amqpd.management.routing import API, Route, Router, params_of
from amqpd.management.waiting import settled

log = get_logger(__name__)

COMMON: Final = (
    ("cache-control", "no-cache"),
    ("vary", "accept, accept-encoding, origin"),
)
ACCEPTABLE: Final = ("*/*", "application/*", "json", "application/octet-stream", "text/*", "text/plain")
MEDIA_TYPE: Final = re.compile(r"[!#$%&'*+.^_`|~\w-]+/[!#$%&'*+.^_`|~\w-]+\s*(;|$)")
MOST_ASKED: Final = 1000
"""Questions about a caller's permissions that one request may wait for, one after the other."""


class Dispatcher:
    """Answers all requests of one broker's management."""

    def __init__(self, api: Api, routes: Iterable[Route], caller: Caller | None = None) -> None:
        """`caller`: who calls where nobody has to log in."""
        self._api = api
        self._caller = caller
        self._router = Router(routes)

    async def handle(self, request: Request) -> Response:
        """The answer, whatever happens."""
        try:
            response = await self._answer(request)
        except Exception as error:  # the one place for all of them
            answer = answer_to(error)
            if answer is None:
                log.error("internal error in a request", method=request.method, target=request.target, exc_info=error)
                answer = ApiError(500, "internal_server_error", "the log of the broker tells more")
            body = encode({"error": answer.error, "reason": answer.reason})
            response = Response(answer.status, (body,), (JSON, *answer.headers))
        return attrs.evolve(response, headers=(*COMMON, *self._cors(request), *response.headers))

    async def _answer(self, request: Request) -> Response:
        target, _, query = request.target.partition("?")
        if not target.startswith(f"{self._api.prefix}/{API}/"):
            raise not_found()
        found = self._router.find(target[len(self._api.prefix) + len(API) + 2 :])
        if found is None:
            raise not_found()
        routes, parts = found
        allowed = ", ".join(["HEAD", *routes, "OPTIONS"] if "GET" in routes else [*routes, "OPTIONS"])
        if request.method == "OPTIONS":
            return Response(200, (), (("allow", allowed),))
        route = routes.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            reason = f"{request.method} is not possible here: {allowed}"
            raise ApiError(405, "method_not_allowed", reason, (("allow", allowed),))
        return await self._call(route, request, parts, query_of(query))

    async def _call(self, route: Route, request: Request, parts: list[str], query: Mapping[str, str]) -> Response:
        _check_accept(request)
        _check_content_type(request)
        _check_origin(request, self._api.settings.cors_allow_origins)
        params = params_of(route, parts)
        broker = self._api.broker
        caller = self._caller
        if caller is None and route.access is not Access.NOBODY:
            passwords = not self._api.settings.disable_basic_auth
            caller = await log_in(
                request, broker, self._api.loopback_users, self._api.tokens, passwords=passwords
            )
        request = attrs.evolve(request, read_body=_read_once(request.read_body))
        for _ in range(MOST_ASKED):
            try:
                if caller is not None and caller is not self._caller:
                    require(caller, route.access, broker, params.get("vhost"))
                call = Call(self._api, request, params, query, ranges_of(query), caller)
                return await _answered(route, call)
            except Undecided as undecided:
                with request.giving_way():
                    await settled(undecided.answer)
        raise ApiError(503, "service_unavailable", "who may see what takes too long to find out")

    def _cors(self, request: Request) -> tuple[tuple[str, str], ...]:
        """What lets a page of another origin ask; nothing unless that origin is configured."""
        origin = request.headers.get("origin")
        if origin is None or not ({origin, "*"} & {*self._api.settings.cors_allow_origins}):
            return ()
        if origin not in self._api.settings.cors_allow_origins:
            headers = [("access-control-allow-origin", "*")]
        else:
            headers = [("access-control-allow-origin", origin), ("access-control-allow-credentials", "true")]
        if request.method == "OPTIONS":
            asked = request.headers.get("access-control-request-headers")
            headers.append(("access-control-allow-methods", "HEAD, GET, PUT, POST, DELETE, OPTIONS"))
            headers.append(("access-control-max-age", str(self._api.settings.cors_max_age)))
            if asked is not None and asked.isascii():
                headers.append(("access-control-allow-headers", asked))
        return tuple(headers)


async def _answered(route: Route, call: Call) -> Response:
    answer = await route.handler(call)
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, Listing):
        return await respond(answer, call.query)
    return whole(answer, call.query)


def _read_once(read_body: ReadBody) -> ReadBody:
    """The body, also for a handler that is called again."""
    read: list[bytes] = []

    async def body(most: int | None = None) -> bytes:
        if not read:
            read.append(await read_body(most))
        return read[0]

    return body


def _check_origin(request: Request, origins: tuple[str, ...]) -> None:
    """Raise ApiError where a page of another origin makes its visitor's browser change something."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if request.method in ("GET", "HEAD") or origin is None or origin.partition("://")[2] == host:
        return
    if not {origin, "*"} & {*origins}:
        raise not_authorised(f"pages of {origin[:200]} may not change anything: see management.cors_allow_origins")


def _check_content_type(request: Request) -> None:
    """Raise ApiError (415) for a body whose type cannot be read. Of any type that can be it is taken as JSON."""
    said = request.headers.get("content-type")
    if said and request.method in ("PUT", "POST") and not MEDIA_TYPE.match(said):
        reason = f"the content-type is '{said[:80]}': expected a media type such as application/json"
        raise ApiError(415, "unsupported_media_type", reason)


def _check_accept(request: Request) -> None:
    """Raise ApiError (406) only where a client says that it can do with nothing like JSON."""
    accept = request.headers.get("accept", "*/*") or "*/*"
    if not any(each in accept for each in ACCEPTABLE):
        raise ApiError(406, "not_acceptable", f"the answer is application/json, which '{accept[:80]}' excludes")
