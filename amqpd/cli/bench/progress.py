"""One line on the terminal that tells how a running measurement gets on; nothing where nobody looks."""

from __future__ import annotations

from typing import TextIO

from amqpd.cli.bench.board import Board

INTERVAL = 1.0
"""Seconds from one line to the next."""


class StatusLine:
    """Writes over itself on a terminal; on any other stream it stays silent."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = stream.isatty()
        self._last: dict[str, int] = {}
        self._last_time = 0.0
        self._width = 0

    def begin(self) -> None:
        """Forget the measurement before."""
        self._last, self._last_time = {}, 0.0

    def show(self, board: Board, elapsed: float) -> None:
        """Tell the rates since the last call; `elapsed` is in seconds since the start of the load."""
        if self._shown and elapsed > self._last_time:
            self._write(self._line(board, elapsed))

    def _line(self, board: Board, elapsed: float) -> str:
        parts = [f"{elapsed:>5.0f} s"]
        for label in board.labels:
            total = board.total(label)
            rate = (total - self._last.get(label, 0)) / (elapsed - self._last_time)
            parts.append(f"{label} {rate:,.0f}/s ({total:,})")
            self._last[label] = total
        self._last_time = elapsed
        return "   ".join(parts)

    def clear(self) -> None:
        """Leave the line empty for what comes next."""
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0

    def _write(self, line: str) -> None:
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)
