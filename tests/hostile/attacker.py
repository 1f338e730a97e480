"""The attacker's process: `python -m tests.hostile.attacker NAME PORTS SECONDS` prints how often it did it.

The ports are those of AMQP, HTTP and AMQP over TLS, with commas between them.
"""

from __future__ import annotations

import os
import sys
import time

from tests.hostile.attacks import ATTACKS
from tests.hostile.sockets import Target, raise_limit


def main() -> None:
    """Attack, and say how often."""
    name, seconds = sys.argv[1], float(sys.argv[3])
    port, http_port, tls_port = map(int, sys.argv[2].split(","))
    os.nice(19)
    raise_limit()
    print(ATTACKS[name][1](Target(port, http_port, tls_port, time.monotonic() + seconds)))


if __name__ == "__main__":
    main()
