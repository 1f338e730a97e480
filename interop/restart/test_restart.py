"""A Celery application, a FastStream service and a pika RPC server go on when their broker is restarted.

All three run as processes with their ordinary settings for connecting again, and are called all the time. The broker
keeps no messages yet: a call that is under way when it goes down may fail. Once there is a durable journal, those whose
message is persistent (Celery's are) have to be answered as well: `unanswered` is then asserted from the first call on.

With RabbitMQ as well: INTEROP_RESTART=rabbitmq pytest interop/restart
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import kombu.pools
import pytest
from celery import Celery

from interop.matrix import clients, install, scenarios
from interop.restart import brokers
from interop.restart.traffic import Caller, CeleryCaller, RpcCaller, ServiceCaller

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
WORKER = ("-m", "celery", "-A", "interop.restart.celery_app", "worker", "--concurrency", "1", "-l", "WARNING")
ENOUGH = 20
"""Calls that have to be answered after each start."""


@pytest.fixture(scope="module")
def faststream_python() -> str:
    """Return the interpreter that has FastStream: the one that the matrix of clients uses."""
    known = scenarios.load(scenarios.FOLDER / "scenarios.toml")
    client = clients.load(scenarios.FOLDER / "faststream" / clients.FILE, [each.name for each in known])
    try:
        install.install(client)
    except install.NotInstallable as error:
        pytest.skip(f"FastStream cannot be installed here: {error}")
    return f"{install.places(client)['build']}/venv/bin/python"


@contextmanager
def application(python: str, *arguments: str, url: str, log: Path) -> Iterator[None]:
    """Run an application as a process."""
    with log.open("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            [python, *arguments],
            cwd=ROOT,
            env={**os.environ, "AMQP_URL": url, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
            assert process.poll() is None, f"{arguments} has ended with {process.returncode}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            output.seek(0)
            last = "".join(output.readlines()[-40:])
            sys.stdout.write(f"--- {' '.join(arguments)}\n{last}\n")


@pytest.fixture
def _lost_sockets_collected() -> Iterator[None]:
    """Collect what clients have left of lost connections here, where its warnings are expected."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextmanager
def called(url: str) -> Iterator[list[Caller]]:
    """Call the three applications until the end."""
    client = Celery("restart", broker=url, backend="rpc://", set_as_current=False)
    client.conf.task_default_queue = "restart-tasks"
    callers: list[Caller] = [CeleryCaller(client), ServiceCaller(url), RpcCaller(url)]
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # each attempt to connect would be six lines
    for caller in callers:
        caller.start()
    try:
        yield callers
    finally:
        for caller in callers:
            caller.stop()
            sys.stdout.write("".join(f"--- {caller.name}: {error}\n" for error in caller.errors))
        kombu.pools.reset()  # type: ignore[no-untyped-call]  # kombu is typed in part


def go_on_after(ends: list[signal.Signals], broker: brokers.Broker, faststream_python: str, folder: Path) -> None:
    with ExitStack() as stack:
        for python, *arguments in (
            (sys.executable, *WORKER),
            (faststream_python, "-m", "interop.restart.faststream_app"),
            (sys.executable, "-m", "interop.restart.rpc_server"),
        ):
            log = folder / f"{arguments[1]}.log"
            stack.enter_context(application(python, *arguments, url=broker.url, log=log))
        callers = stack.enter_context(called(broker.url))
        for caller in callers:
            caller.await_answers(ENOUGH, after=0)
        for how in ends:
            broker.stop(how)  # amid the calls
            broker.start()
            begun = {caller: caller.lose() for caller in callers}
            for caller in callers:
                caller.await_answers(ENOUGH, after=begun[caller])
                assert caller.unanswered(after=begun[caller]) == [], caller.errors


@pytest.mark.usefixtures("_lost_sockets_collected")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(120)
def test_applications_go_on_when_amqpd_is_terminated_and_when_it_is_killed(
    faststream_python: str, tmp_path: Path
) -> None:
    with brokers.amqpd(tmp_path) as broker:
        go_on_after([signal.SIGTERM, signal.SIGKILL], broker, faststream_python, tmp_path)


@pytest.mark.usefixtures("_lost_sockets_collected")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(120)
@pytest.mark.skipif(os.environ.get("INTEROP_RESTART") != "rabbitmq", reason="INTEROP_RESTART=rabbitmq runs it")
def test_applications_go_on_when_rabbitmq_is_restarted(faststream_python: str, tmp_path: Path) -> None:
    with brokers.rabbitmq_node() as broker:
        go_on_after([signal.SIGTERM], broker, faststream_python, tmp_path)
