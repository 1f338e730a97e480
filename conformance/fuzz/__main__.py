"""Run the differential fuzzer.

python -m conformance.fuzz --minutes 60                    amqpd beside RabbitMQ, both started for the run
python -m conformance.fuzz --seed 7 --rounds 20            the same rounds every time
python -m conformance.fuzz --replay FILE                   one conversation that was written down
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from conformance.fuzz import steps
from conformance.fuzz.campaign import Campaign
from conformance.fuzz.duel import Duel
from conformance.fuzz.player import Player
from conformance.targets import open_target


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m conformance.fuzz", description="compare two brokers")
    parser.add_argument("--targets", default="rabbitmq,amqpd", help="two of rabbitmq, amqpd, delayed, or amqp:// URLs")
    parser.add_argument("--seed", type=int, help="of the first round; default: one that is printed")
    parser.add_argument("--rounds", type=int, help="stop after so many rounds")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--kinds", type=int, default=1, help="stop after so many kinds of differences (default 1)")
    parser.add_argument("--floor", type=int, default=0, help="report what was played less often than that")
    parser.add_argument("--replay", type=Path, help="play the conversation in this file and tell what is seen")
    parser.add_argument("--keep", type=Path, help="write conversations that differ into this folder")
    return parser.parse_args()


def main() -> int:
    """Run and return the exit status: 1 when the brokers differed."""
    options = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the brokers end with the run
    with ExitStack() as stack:
        players = []
        for name in options.targets.split(","):
            url = name if name.startswith("amqp://") else None
            target = stack.enter_context(open_target("broker" if url else name, url, None))
            players.append(Player(target.host, target.port))
        duel = Duel(*players)
        if options.replay:
            duel.tell = print
            difference = duel.play_all(steps.read(options.replay))
            print(difference or "no difference")
            return int(difference is not None)
        seed = options.seed if options.seed is not None else random.randrange(10**9)
        campaign = Campaign(duel, seed, options.keep)
        try:
            campaign.run(options.rounds, options.minutes, options.kinds)
        finally:
            print(campaign.summary(options.floor))
        return int(campaign.differences > 0)


if __name__ == "__main__":
    sys.exit(main())
