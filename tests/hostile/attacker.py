"""The attacker's process: `python -m tests.hostile.attacker NAME PORT HTTP_PORT SECONDS` prints how often it did it."""

from __future__ import annotations

import os
import sys
import time

from tests.hostile.attacks import ATTACKS
from tests.hostile.sockets import Target, raise_limit


def main() -> None:
    """Attack, and say how often."""
    name, port, http_port, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    os.nice(19)
    raise_limit()
    print(ATTACKS[name][1](Target(port, http_port, time.monotonic() + seconds)))


if __name__ == "__main__":
    main()
