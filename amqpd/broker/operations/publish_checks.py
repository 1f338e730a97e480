"""What the properties of a publish may say, and which routing keys its headers add.

Shared by all who publish for a client. RabbitMQ's texts; https://www.rabbitmq.com/docs/sender-selected
"""

from __future__ import annotations

from typing import Final

from amqpd import erlang
from amqpd.broker.message import Trail
from amqpd.broker.rewriting import rewritten
from amqpd.broker.session import Session
from amqpd.errors import PreconditionFailed
from amqpd.fields import Table
from amqpd.properties import USER_ID, Properties

MAX_EXPIRATION: Final = 315_360_000_000


def check_user_id(session: Session, properties: Properties) -> None:
    """Raise PreconditionFailed for the name of another user."""
    if properties.flags & USER_ID and not session.may_impersonate(properties.user_id or ""):
        raise PreconditionFailed(
            f"user_id property set to '{properties.user_id}' but authenticated user was '{session.user.name}'"
        )


def check_expiration(text: str) -> None:
    """Raise PreconditionFailed for an expiration that isn't a number of milliseconds."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    leading = digits[: len(digits) - len(digits.lstrip("0123456789"))]
    if not leading.isascii() or not leading:
        raise PreconditionFailed(f"invalid expiration '{text}': no_integer")
    start = f"invalid expiration '{text}': "
    rest = digits[len(leading) :]
    if rest:
        raise PreconditionFailed(start + erlang.pair("leftover_string", f'"{rest}"', len(start)))
    value = -int(leading) if text[0] == "-" else int(leading)
    if value < 0:
        raise PreconditionFailed(start + erlang.pair("value_negative", str(value), len(start)))
    if value > MAX_EXPIRATION:
        raise PreconditionFailed(start + erlang.pair("value_too_large", str(value), len(start)))


def copies(routing_key: str, properties: Properties) -> tuple[tuple[str, ...], Properties, Trail | None]:
    """Sender-selected distribution: further routing keys in the headers CC and BCC; the latter leaves the message."""
    headers = properties.headers
    if headers is None:
        return (routing_key,), properties, None
    more, hidden = _keys_of("CC", headers), _keys_of("BCC", headers)
    if "BCC" in headers:
        properties = properties.replace(headers=rewritten(headers.without("BCC")))
    trail = Trail(hidden_keys=tuple(hidden)) if hidden else None
    return tuple(dict.fromkeys([routing_key, *more, *hidden])), properties, trail


def _keys_of(name: str, headers: Table) -> list[str]:
    field = headers.get(name)
    if field is None:
        return []
    if field.tag != "A" or not isinstance(field.value, tuple):
        raise PreconditionFailed(f'invalid message: {{unacceptable_type_in_header,"{name}",{field.type_name}}}')
    return [each.text() for each in field.value if not isinstance(each, int) and each.tag == "S"]
