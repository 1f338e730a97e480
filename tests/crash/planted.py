"""Is the crash test strong enough? Plant a known defect into a copy of amqpd, one at a time, and see if it is found.

python -m tests.crash.planted                 every patch of tests/planted_crash
python -m tests.crash.planted NAME ...        some of them
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.crash.process import ROOT, Storage
from tests.crash.rounds import Campaign

PATCHES: Final = ROOT / "tests" / "planted_crash"
EPISODES: Final = 10


def plant(patch: Path, folder: Path) -> None:
    """Put a copy of amqpd with the defect into a folder."""
    shutil.copytree(ROOT / "amqpd", folder / "amqpd", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "apply", str(patch)], cwd=folder, check=True)


def main() -> int:
    """Try the defects; return 1 if one was not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.planted", description="try planted defects")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--episodes", type=int, default=EPISODES, help=f"at most (default {EPISODES})")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    patches = sorted(each for each in PATCHES.glob("*.patch") if not options.names or each.stem in options.names)
    found = sum(_is_found(patch, options.episodes) for patch in patches)
    print(f"{found} of {len(patches)} defects found")
    return int(found < len(patches))


def _is_found(patch: Path, episodes: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="planted-") as name:
        folder = Path(name)
        plant(patch, folder)
        campaign = Campaign(folder, 1, tuple(Storage), folder)
        for number in range(episodes):
            if violations := campaign.play(number):
                kinds = ", ".join(sorted({violation.kind for violation in violations}))
                kills = campaign.tally.kills
                print(f"{patch.stem:40} found in episode {number} after {kills} kills: {kinds}", flush=True)
                return True
    print(f"{patch.stem:40} NOT FOUND", flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main())
