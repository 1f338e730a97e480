"""Chords on a worker without child processes. Results lie in files: the `rpc://` backend refuses chords."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery import chord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from interop.celery.conftest import Application


def test_a_chord_runs_its_body_after_all_of_its_header(
    open_application: Callable[..., Application], tmp_path: Path
) -> None:
    application = open_application(result_backend=tmp_path.as_uri(), result_chord_retry_interval=0.1)
    application.start_worker("--pool", "solo")
    signature = application.client.signature
    header = [signature("add", (number, 1)) for number in range(10)]
    result = chord(header, app=application.client)(signature("total"))
    assert result.get(timeout=30) == 55
