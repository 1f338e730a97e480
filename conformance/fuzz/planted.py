"""Is the fuzzer strong enough? Plant a known defect into a copy of amqpd, one at a time, and see whether it is found.

python -m conformance.fuzz.planted                 every patch of tests/planted
python -m conformance.fuzz.planted NAME ...        some of them

Each defect gets the same number of rounds, the first ones that a run from seed 1 plays. It is found by a conversation
that shows a difference each time, and none with amqpd as it is: what is left to chance on RabbitMQ finds nothing.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from conformance import amqpd, rabbitmq
from conformance.fuzz.campaign import Campaign, Mix
from conformance.fuzz.duel import Difference, Duel
from conformance.fuzz.player import Player

PATCHES = Path(__file__).resolve().parent.parent.parent / "tests" / "planted"
ROUNDS = 12
DEEP = Mix(sessions=8, probes=10, class_probes=10, handshakes=0)
ENOUGH = 0.9
"""The share of all defects that must be found: 18 of 20."""


def main() -> int:
    """Try the defects; return 1 when too few of them were found."""
    parser = argparse.ArgumentParser(prog="python -m conformance.fuzz.planted", description="try planted defects")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds a defect (default {ROUNDS})")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    patches = sorted(each for each in PATCHES.glob("*.patch") if not options.names or each.stem in options.names)
    found = 0
    with rabbitmq.node() as port, amqpd.server("3.10", "--strict") as sound:
        oracle = Player("127.0.0.1", port)
        without = Duel(oracle, Player("127.0.0.1", sound))
        for patch in patches:
            began = time.monotonic()
            rounds = _rounds_until_found(patch, without, options.rounds)
            found += rounds is not None
            verdict = "NOT FOUND" if rounds is None else f"found in round {rounds}"
            print(f"{patch.stem:40} {verdict} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{found} of {len(patches)} defects found")
    return int(found < ENOUGH * len(patches))


def _rounds_until_found(patch: Path, without: Duel, most: int) -> int | None:
    """Return the round in which a defect showed, None if it did not."""
    oracle = without.first
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        shutil.copytree(amqpd.ROOT / "amqpd", Path(folder) / "amqpd", ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["git", "apply", str(patch)], cwd=folder, check=True)
        with amqpd.server("3.10", "--strict", root=Path(folder)) as port:
            planted = Duel(oracle, Player("127.0.0.1", port))

            def is_its_own(difference: Difference) -> bool:
                program = list(difference.program)
                return planted.play_all(program) is not None and without.play_all(program) is None

            campaign = Campaign(planted, 1, mix=DEEP, judge=is_its_own)
            campaign.run(most, None, 1)
            return campaign.seed - 1 if campaign.differences else None


if __name__ == "__main__":
    sys.exit(main())
