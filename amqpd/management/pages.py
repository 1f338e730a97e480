"""Pages for readers beside the web UI, at the addresses where RabbitMQ has them: what the API can do, and where to get
rabbitmqadmin.

They are made of text alone, run no script and load nothing but the style of the web UI.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from amqpd.management.openapi import LISTED
from amqpd.management.routing import API, Route
from amqpd.version import __version__

API_PAGE: Final = "api/index.html"
CLI_PAGE: Final = "cli/index.html"
MOVED: Final[Mapping[str, str]] = {
    "api": API_PAGE,
    "api/": API_PAGE,
    "doc/stats.html": API_PAGE,
    "cli": CLI_PAGE,
    "cli/": CLI_PAGE,
}
"""Other addresses of the pages."""
SCRIPT: Final = "cli/rabbitmqadmin"
"""Where RabbitMQ, before its version 4.3, serves the script."""
NO_SCRIPT: Final = f"amqpd serves no copy of rabbitmqadmin: /{CLI_PAGE} says where to get it"

_RELEASES: Final = "https://github.com/rabbitmq/rabbitmqadmin-ng/releases"
_SCRIPT_SOURCE: Final = (
    "https://github.com/rabbitmq/rabbitmq-server/blob/v4.2.x/deps/rabbitmq_management/bin/rabbitmqadmin"
)

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} - amqpd</title>
<link rel="icon" href="../icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="../css/tokens.css">
<link rel="stylesheet" href="../css/pages.css">
</head>
<body>
<main>
<h1>{title}</h1>
{text}
</main>
</body>
</html>
"""

_API: Final = """<p>amqpd {version} answers as RabbitMQ's management HTTP API does. The same for programs:
<a href="openapi.json">openapi.json</a>. Requests log in with HTTP Basic, or with a token of
<code>/api/login</code>.</p>
<p>Names in a path are percent-encoded: <code>%2F</code> is the virtual host <code>/</code>, and
<code>amq.default</code> the default exchange. Bodies are JSON. Errors are
<code>{{"error": ..., "reason": ...}}</code>.</p>
<p>Lists take {listed}.</p>
<table>
<thead><tr><th scope="col">Method</th><th scope="col">Path</th><th scope="col">What it does</th>
<th scope="col">For whom</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>"""

_CLI: Final = f"""<p>rabbitmqadmin, RabbitMQ's command line for this API, works with amqpd. amqpd has no copy of it:</p>
<ul>
<li>Version 2 is one executable file without dependencies: <a href="{_RELEASES}">its releases</a>.</li>
<li>Version 1 is a Python script that every RabbitMQ up to 4.2 serves at <code>/{SCRIPT}</code>, and that is in
<a href="{_SCRIPT_SOURCE}">RabbitMQ's sources</a>. It needs nothing but Python 3.</li>
</ul>
<pre>rabbitmqadmin --host localhost --port 15672 --username guest --password guest list queues</pre>
<p>amqpd brings a command line of its own along, with the commands of rabbitmqctl:
<code>amqpctl list_queues</code>.</p>"""


def pages(routes: Sequence[Route]) -> dict[str, bytes]:
    """The pages by their paths, without a slash in front."""
    return {
        API_PAGE: _page("The management HTTP API", _api(routes)),
        CLI_PAGE: _page("Command lines", _CLI),
    }


def _page(title: str, text: str) -> bytes:
    return _PAGE.format(title=title, text=text).encode()


def _api(routes: Sequence[Route]) -> str:
    listed = ", ".join(f"<code>{each}</code>" for each in LISTED)
    return _API.format(version=__version__, listed=listed, rows="\n".join(map(_row, routes)))


def _row(route: Route) -> str:
    path = re.sub(r"{(\w+)}", r"<var>\1</var>", escape(f"/{API}{route.path}"))
    about, whom = escape(route.summary), escape(route.access.value)
    return f"<tr><td>{route.method}</td><td><code>{path}</code></td><td>{about}</td><td>{whom}</td></tr>"
