"""The methods of AMQP 0-9-1 with RabbitMQ's additions, as one table, and the codec that reads it.

One line of the table: name, class id, method id, then `field:type` in wire order. Types: o octet, h short, l long,
q longlong, s shortstr, S longstr, t table, b bit (consecutive bits share octets, lowest bit first). A field left out of
a call is zero or empty.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from conformance.fields import decode_table, encode_table

_TABLE = """
connection.start             10 10  version_major:o version_minor:o server_properties:t mechanisms:S locales:S
connection.start-ok          10 11  client_properties:t mechanism:s response:S locale:s
connection.secure            10 20  challenge:S
connection.secure-ok         10 21  response:S
connection.tune              10 30  channel_max:h frame_max:l heartbeat:h
connection.tune-ok           10 31  channel_max:h frame_max:l heartbeat:h
connection.open              10 40  virtual_host:s capabilities:s insist:b
connection.open-ok           10 41  known_hosts:s
connection.close             10 50  reply_code:h reply_text:s class_id:h method_id:h
connection.close-ok          10 51
connection.blocked           10 60  reason:s
connection.unblocked         10 61
connection.update-secret     10 70  new_secret:S reason:s
connection.update-secret-ok  10 71
channel.open                 20 10  out_of_band:s
channel.open-ok              20 11  channel_id:S
channel.flow                 20 20  active:b
channel.flow-ok              20 21  active:b
channel.close                20 40  reply_code:h reply_text:s class_id:h method_id:h
channel.close-ok             20 41
access.request               30 10  realm:s exclusive:b passive:b active:b write:b read:b
access.request-ok            30 11  ticket:h
exchange.declare  40 10  ticket:h exchange:s type:s passive:b durable:b auto_delete:b internal:b nowait:b arguments:t
exchange.declare-ok          40 11
exchange.delete              40 20  ticket:h exchange:s if_unused:b nowait:b
exchange.delete-ok           40 21
exchange.bind                40 30  ticket:h destination:s source:s routing_key:s nowait:b arguments:t
exchange.bind-ok             40 31
exchange.unbind              40 40  ticket:h destination:s source:s routing_key:s nowait:b arguments:t
exchange.unbind-ok           40 51
queue.declare                50 10  ticket:h queue:s passive:b durable:b exclusive:b auto_delete:b nowait:b arguments:t
queue.declare-ok             50 11  queue:s message_count:l consumer_count:l
queue.bind                   50 20  ticket:h queue:s exchange:s routing_key:s nowait:b arguments:t
queue.bind-ok                50 21
queue.purge                  50 30  ticket:h queue:s nowait:b
queue.purge-ok               50 31  message_count:l
queue.delete                 50 40  ticket:h queue:s if_unused:b if_empty:b nowait:b
queue.delete-ok              50 41  message_count:l
queue.unbind                 50 50  ticket:h queue:s exchange:s routing_key:s arguments:t
queue.unbind-ok              50 51
basic.qos                    60 10  prefetch_size:l prefetch_count:h global:b
basic.qos-ok                 60 11
basic.consume                60 20  ticket:h queue:s consumer_tag:s no_local:b no_ack:b exclusive:b nowait:b arguments:t
basic.consume-ok             60 21  consumer_tag:s
basic.cancel                 60 30  consumer_tag:s nowait:b
basic.cancel-ok              60 31  consumer_tag:s
basic.publish                60 40  ticket:h exchange:s routing_key:s mandatory:b immediate:b
basic.return                 60 50  reply_code:h reply_text:s exchange:s routing_key:s
basic.deliver                60 60  consumer_tag:s delivery_tag:q redelivered:b exchange:s routing_key:s
basic.get                    60 70  ticket:h queue:s no_ack:b
basic.get-ok                 60 71  delivery_tag:q redelivered:b exchange:s routing_key:s message_count:l
basic.get-empty              60 72  cluster_id:s
basic.ack                    60 80  delivery_tag:q multiple:b
basic.reject                 60 90  delivery_tag:q requeue:b
basic.recover-async          60 100 requeue:b
basic.recover                60 110 requeue:b
basic.recover-ok             60 111
basic.nack                   60 120 delivery_tag:q multiple:b requeue:b
confirm.select               85 10  nowait:b
confirm.select-ok            85 11
tx.select                    90 10
tx.select-ok                 90 11
tx.commit                    90 20
tx.commit-ok                 90 21
tx.rollback                  90 30
tx.rollback-ok               90 31
"""

CONTENT_BEARING = {"basic.publish", "basic.return", "basic.deliver", "basic.get-ok"}
_FORMATS = {"o": ">B", "h": ">H", "l": ">I", "q": ">Q"}


class Method(NamedTuple):
    """One method: its name, its ids and its fields as (name, type letter) in wire order."""

    name: str
    class_id: int
    method_id: int
    fields: tuple[tuple[str, str], ...]


def _parse(line: str) -> Method:
    name, class_id, method_id, *fields = line.split()
    return Method(name, int(class_id), int(method_id), tuple((f[:-2], f[-1]) for f in fields))


METHODS = {method.name: method for method in map(_parse, _TABLE.strip().splitlines())}
_BY_IDS = {(method.class_id, method.method_id): method for method in METHODS.values()}


def ids(name: str | None) -> tuple[int, int]:
    """Return (class id, method id) of a method, (0, 0) for None."""
    return (METHODS[name].class_id, METHODS[name].method_id) if name else (0, 0)


def encode_method(name: str, /, **fields: Any) -> bytes:
    """Return a method frame's payload. Strings are str or bytes; a table may be ready-made bytes."""
    method = METHODS[name]
    unknown = fields.keys() - {field for field, _ in method.fields}
    if unknown:
        raise TypeError(f"{name} has no field {sorted(unknown)}")
    out = bytearray(struct.pack(">HH", method.class_id, method.method_id))
    bits: list[bool] = []
    for field, kind in method.fields:
        if kind == "b":
            bits.append(bool(fields.get(field)))
            continue
        out += _pack_bits(bits)
        out += _encode_field(kind, fields.get(field))
    return bytes(out + _pack_bits(bits))


def _pack_bits(bits: list[bool]) -> bytes:
    number = sum(1 << place for place, bit in enumerate(bits) if bit)
    size = (len(bits) + 7) // 8
    bits.clear()
    return number.to_bytes(size, "little")


def _encode_field(kind: str, value: Any) -> bytes:
    if kind == "t":
        return encode_table(value or {})
    if kind in _FORMATS:
        return struct.pack(_FORMATS[kind], value or 0)
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value or b""
    return struct.pack(">B" if kind == "s" else ">I", len(raw)) + raw


def decode_method(payload: bytes) -> tuple[str, dict[str, Any]]:
    """Return the name and the fields of a method frame's payload; octets left over are an error."""
    method = _BY_IDS[struct.unpack_from(">HH", payload)]
    fields: dict[str, Any] = {}
    at, bit = 4, 0
    for field, kind in method.fields:
        if kind == "b":
            fields[field] = bool(payload[at + bit // 8] >> bit % 8 & 1)
            bit += 1
            continue
        at, bit = at + (bit + 7) // 8, 0
        fields[field], at = _decode_field(kind, payload, at)
    at += (bit + 7) // 8
    if at != len(payload):
        raise ValueError(f"{method.name} of {len(payload)} octets has {len(payload) - at} left over")
    return method.name, fields


def _decode_field(kind: str, payload: bytes, at: int) -> tuple[Any, int]:
    if kind in _FORMATS:
        return struct.unpack_from(_FORMATS[kind], payload, at)[0], at + struct.calcsize(_FORMATS[kind])
    (size,) = struct.unpack_from(">B" if kind == "s" else ">I", payload, at)
    at += 1 if kind == "s" else 4
    raw = payload[at : at + size]
    if len(raw) != size:
        raise ValueError(f"field of {size} octets has only {len(raw)}")
    return decode_table(raw) if kind == "t" else raw.decode("utf-8", "surrogateescape"), at + size
