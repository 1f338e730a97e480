"""The API comes with an extra: whoever lacks it, or doesn't use it, pays nothing and is told what to do."""

from __future__ import annotations

import subprocess
import sys

WITHOUT_H11 = "import sys; sys.modules['h11'] = None; import amqpd\n"


def run(source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False, timeout=60)


def test_a_broker_that_does_not_serve_it_imports_nothing_of_it() -> None:
    shown = run(
        "import sys, amqpd\n"
        "with amqpd.run_in_thread(): pass\n"
        "print([each for each in sys.modules if each == 'h11' or each.startswith('amqpd.management')])"
    )
    assert shown.stdout == "[]\n", shown.stderr


def test_who_asks_for_it_without_the_extra_is_told_what_to_install() -> None:
    refused = run(WITHOUT_H11 + "with amqpd.run_in_thread(management_port=0): pass")
    assert refused.returncode == 1
    assert refused.stderr.endswith(
        "'management.port' is set, but h11 is not installed: pip install 'amqpd[management]'\n"
    )


def test_a_broker_works_without_the_extra() -> None:
    shown = run(WITHOUT_H11 + "with amqpd.run_in_thread() as broker: print(broker.url)")
    assert shown.stdout.startswith("amqp://"), shown.stderr
