"""The broker's refusals as rabbitmqctl says them: the text depends on the verb, what is missing decides on the code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from amqpd.cli.ctl.client import Client, Refused
from amqpd.cli.ctl.verb import DATA, NO_USER, UNAVAILABLE, Request, Stop

ERROR = "Error:\n{}"


def refusal(request: Request, code: int, text: str, message: str = "") -> Stop:
    """What ends a verb; programs get the message (which at times isn't the text) and the node."""
    if request.formatter != "json":
        return Stop(code, ERROR.format(text))
    return Stop(code, ERROR.format(text), {"message": message or text, "node": request.node, "result": "error"})


def no_vhost(name: str) -> Stop:
    """A virtual host that isn't there, where the tool itself looks first."""
    return Stop(DATA, f"Virtual host '{name}' does not exist")


def require_vhost(request: Request) -> None:
    """Raises Stop unless the virtual host of the options is there."""
    if not exists(request.client, "vhosts", request.vhost):
        raise no_vhost(request.vhost)


def user_of(request: Request, name: str, code: int = NO_USER) -> Any:
    """A user as JSON. Raises Stop."""
    try:
        return request.client.get("users", name)
    except Refused as error:
        if error.status != 404:
            raise
        if code != NO_USER:
            raise Stop(code, ERROR.format(f'{{:no_such_user, "{name}"}}')) from None
        raise refusal(request, code, f'User "{name}" does not exist', f"User {name} does not exists") from None


def require_both(request: Request, user: str) -> None:
    """Raises Stop unless the user and the virtual host are there, in the words of the verbs about permissions."""
    if not exists(request.client, "vhosts", request.vhost):
        raise refusal(request, UNAVAILABLE, f"Virtual host {request.vhost} does not exist")
    if not exists(request.client, "users", user):
        raise refusal(request, NO_USER, f"User {user} does not exist")


def exists(client: Client, *path: str) -> bool:
    """Whether there is something at a path."""
    try:
        client.get(*path)
    except Refused as error:
        if error.status != 404:
            raise
        return False
    return True


@contextmanager
def told(missing: str = "Parameter does not exist") -> Iterator[None]:
    """Refusals inside the block are shown with the broker's reason; what isn't there with `missing`."""
    try:
        yield
    except Refused as error:
        if error.status in (401, 503):
            raise
        text = missing if error.status == 404 else reason_of(error)
        raise Stop(UNAVAILABLE, ERROR.format(text)) from None


def reason_of(error: Refused) -> str:
    """Why, as a text."""
    reason = error.reason
    if isinstance(reason, list) and len(reason) == 3 and reason[0] == "invalid_regexp":
        pattern, (why, place) = _characters(reason[1]), reason[2]
        return f"{{:invalid_regexp, {pattern}, {{'{_text(why)}', {place}}}}}"
    return reason if isinstance(reason, str) else json.dumps(reason, ensure_ascii=False)


def json_of(text: str) -> Any:
    """A value as JSON. Raises Stop."""
    try:
        return json.loads(text)
    except ValueError:
        raise Stop(UNAVAILABLE, ERROR.format("JSON decoding error. Reason: badarg")) from None


def _characters(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else f"'{_text(value)}'"


def _text(value: object) -> str:
    return value if isinstance(value, str) else "".join(map(chr, value)) if isinstance(value, list) else str(value)
