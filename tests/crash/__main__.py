"""Kill a broker again and again while clients use it, and check that it kept what it promised.

python -m tests.crash --minutes 60 --seed 7        sqlite and the append-only engine in turn
python -m tests.crash --check FILE                 the log of an episode once more
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.crash.checker import check
from tests.crash.log import read
from tests.crash.process import Storage
from tests.crash.rounds import Campaign, until


def main() -> int:
    """Return 1 if anything was violated: what shows it is kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description="kill a broker while clients use it")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long (default 2)")
    parser.add_argument("--seed", type=int, default=1, help="of the workload and the moments (default 1)")
    parser.add_argument("--storage", choices=[each.name.lower() for each in Storage], help="only this one")
    parser.add_argument("--folder", type=Path, help="where data directories and logs go (default: a new one)")
    parser.add_argument("--check", type=Path, metavar="FILE", help="only check a log that was kept")
    options = parser.parse_args()
    if options.check is not None:
        violations = check(read(options.check))
        print("\n".join(map(str, violations)) or "nothing was violated")
        return int(bool(violations))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="amqpd-crash-"))
    storages = tuple(each for each in Storage if options.storage in {None, each.name.lower()})
    campaign = Campaign(folder, options.seed, storages)
    until(campaign, 60 * options.minutes, say=True)
    if campaign.tally.violations:
        print(f"logs and data of what was violated are in {folder}")
        return 1
    if options.folder is None:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
