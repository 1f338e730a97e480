"""Definitions, out and in: whole, or those of one virtual host."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.message import Message
from email.parser import BytesParser

import attrs

from amqpd.broker.operations.exporting import Items, all_sections, vhost_sections
from amqpd.broker.operations.importing import Skipped, import_definitions
from amqpd.http.message import Response
from amqpd.http.turns import Slice
from amqpd.management.api import Call
from amqpd.management.encoding import JSON, decode_any, encode
from amqpd.management.errors import ApiError, bad_request
from amqpd.management.handlers.answers import NO_CONTENT
from amqpd.management.views.node import versions
from amqpd.management.views.overview import cluster_name


async def export_all(call: Call) -> Response:
    """Export users, virtual hosts, permissions, policies, parameters, queues, exchanges and bindings."""
    head = _head(call) | {
        "rabbitmq_definition_format": "cluster",
        "original_cluster_name": cluster_name(call.api),
        "explanation": f"Definitions of cluster '{cluster_name(call.api)}'",
    }
    return await _exported(call, head, all_sections(call.broker))


async def export_vhost(call: Call) -> Response:
    """Export the policies, parameters, queues, exchanges and bindings of a virtual host."""
    vhost = call.broker.vhosts.get(call.params["vhost"])
    if vhost is None:
        raise bad_request("vhost_not_found")
    said = {"description": vhost.metadata.description, "tags": [*vhost.metadata.tags]}
    head = _head(call) | {
        "rabbitmq_definition_format": "single_virtual_host",
        "original_vhost_name": vhost.name,
        "explanation": f"Definitions of virtual host '{vhost.name}'",
        "metadata": said,
        "description": vhost.metadata.description,
        "default_queue_type": vhost.default_queue_type or call.broker.default_queue_type,
    }
    return await _exported(call, head, vhost_sections(vhost))


async def import_all(call: Call) -> Response:
    """Import definitions, of RabbitMQ too; what is there already stays. `report=true` names what was not taken over."""
    document = await _document(call)
    return _imported(call, await call.perform(lambda: import_definitions(call.broker, document, by=call.by)))


async def import_into_vhost(call: Call) -> Response:
    """Import definitions of one virtual host into another."""
    vhost = call.broker.vhosts.get(call.params["vhost"])
    if vhost is None:
        raise ApiError(404, "not_found", "vhost_not_found")
    document = await _document(call)
    skipped = await call.perform(lambda: import_definitions(call.broker, document, vhost=vhost, by=call.by))
    return _imported(call, skipped)


def _imported(call: Call, skipped: list[Skipped]) -> Response:
    if not call.flag("report"):
        return NO_CONTENT
    return Response(200, (encode({"skipped": [attrs.asdict(each) for each in skipped]}),), (JSON,))


def _head(call: Call) -> dict[str, object]:
    known = versions(call.api)
    return {"rabbit_version": known["rabbitmq_version"]} | {
        name: known[name] for name in ("rabbitmq_version", "product_name", "product_version")
    }


async def _exported(call: Call, head: Mapping[str, object], sections: Mapping[str, Callable[[], Items]]) -> Response:
    parts, turn = [encode(head)[:-1]], Slice()
    for name, items in sections.items():
        parts.append(b"," + encode(name) + b":[")
        separator = b""
        for each in items():
            parts += (separator, encode(each))
            separator = b","
            await turn.rest()
        parts.append(b"]")
    parts.append(b"}")
    return Response(200, (*parts,), (JSON, *_disposition(call)))


def _disposition(call: Call) -> tuple[tuple[str, str], ...]:
    """A name for the browser to save it under; whatever could end the header is left out."""
    name = re.sub(r"[^A-Za-z0-9._@ -]", "_", call.query.get("download", ""))
    return (("content-disposition", f'attachment; filename="{name}"'),) if name else ()


async def _document(call: Call) -> Mapping[str, object]:
    body, kind = await call.raw(), call.request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        body = _uploaded(body, kind)
    try:
        document = decode_any(body)
    except ApiError:
        raise bad_request("failed_to_parse_json") from None
    if not isinstance(document, dict):
        raise bad_request("failed_to_parse_json")
    return document


def _uploaded(body: bytes, kind: str) -> bytes:
    """The field `file` of a form."""
    header = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    form = BytesParser().parsebytes(header + body)
    for part in form.get_payload() if form.is_multipart() else ():
        if isinstance(part, Message) and part.get_param("name", header="content-disposition") == "file":
            found = part.get_payload(decode=True)
            return found if isinstance(found, bytes) else b""
    raise bad_request("the form has no field 'file'")
