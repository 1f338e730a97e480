"""The answers that endpoints share."""

from __future__ import annotations

from typing import Final

from amqpd.http.message import Response

NO_CONTENT: Final = Response(204)


def put(new: bool) -> Response:
    """201 where something was made, 204 where it was there."""
    return Response(201 if new else 204)
