"""What schemathesis is to know of this API: names that are there, and what counts as a failure."""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

HOOKS = "tests.api_fuzz.hooks"
LOGIN = "root:secret"
NODE_VARIABLE = "AMQPD_FUZZ_NODE"

NAMES = {
    "vhost": ["%2F", "v"],
    "queue": ["c", "q", "s"],
    "exchange": ["x", "amq.topic", "amq.default"],
    "source": ["x", "amq.topic"],
    "destination": ["c", "q"],
    "kind": ["q", "e"],
    "properties": ["a", "~"],
    "user": ["u"],
    "policy": ["p"],
    "component": ["policy", "vhost-limits", "operator_policy"],
    "name": ["p", "g", "max-queues", "max-channels"],
    "node": [os.environ.get(NODE_VARIABLE, "")],
    "unit": ["days"],
    "within": ["1"],
    "number": ["1", "5"],
    "flag": ["quorum_queue", "all"],
}
"""By parameter of the path; percent-encoded, as they stand there."""
KEPT = {("DELETE", "/api/vhosts/{vhost}"), ("DELETE", "/api/permissions/{vhost}/{user}")}
"""What is never asked of names that are there: the rest would find nothing."""


def _register() -> None:
    import schemathesis

    @schemathesis.hook
    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        """Half of the names are of what is there."""
        operation = case.operation
        if (operation.method.upper(), operation.path) in KEPT or not case.path_parameters:
            return
        seed = hash(repr((case.path_parameters, case.body, case.query)))
        for index, name in enumerate(case.path_parameters):
            if name in NAMES and seed >> index & 1:
                known = NAMES[name]
                case.path_parameters[name] = known[(seed >> 8) % len(known)]

    @schemathesis.check
    def no_defect(context: Any, response: Any, case: Any) -> None:
        """500 is never right, and 503 for health checks alone."""
        unwell = response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "/health/" in case.operation.path
        assert response.status_code < 500 or unwell, f"a defect: {response.status_code} {response.text[:200]}"

    @schemathesis.check
    def told_why(context: Any, response: Any, case: Any) -> None:
        """Whoever gets a 4xx is told why."""
        if 400 <= response.status_code < 500 and case.method not in ("HEAD", "OPTIONS"):
            told = response.json()
            assert told["error"], told
            assert told["reason"], told


_register()
