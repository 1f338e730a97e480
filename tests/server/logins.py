"""A login over a socket that is open already, octet by octet: clients don't let themselves be given one."""

from __future__ import annotations

import socket

from pamqp import commands, frame
from pamqp.base import Frame
from pamqp.common import FieldTable

from conformance.frames import PROTOCOL_HEADER

CAPABLE: FieldTable = {"capabilities": {"authentication_failure_close": True}}


def _receive(sock: socket.socket) -> Frame:
    data = b""
    while len(data) < 7 or len(data) < int.from_bytes(data[3:7]) + 8:
        more = sock.recv(65536)
        assert more, "the broker closed the connection"
        data += more
    method = frame.unmarshal(data)[2]
    assert isinstance(method, Frame)
    return method


def _answer(sock: socket.socket, user: str, password: str, mechanism: str, response: str | None) -> Frame:
    sock.sendall(PROTOCOL_HEADER)
    assert _receive(sock).name == "Connection.Start"
    said = f"\0{user}\0{password}" if response is None else response
    sock.sendall(frame.marshal(commands.Connection.StartOk(CAPABLE, mechanism, said, "en_US"), 0))
    return _receive(sock)


def log_in(sock: socket.socket, user: str = "guest", password: str = "guest", vhost: str = "/") -> None:
    """Open a connection; what comes is asserted."""
    tune = _answer(sock, user, password, "PLAIN", None)
    assert isinstance(tune, commands.Connection.Tune), tune
    sock.sendall(frame.marshal(commands.Connection.TuneOk(tune.channel_max, tune.frame_max, 0), 0))
    sock.sendall(frame.marshal(commands.Connection.Open(vhost), 0))
    assert _receive(sock).name == "Connection.OpenOk"


def refusal(sock: socket.socket, user: str = "guest", password: str = "guest") -> tuple[int | None, str]:
    """The code and text with which a login is refused."""
    close = _answer(sock, user, password, "PLAIN", None)
    assert isinstance(close, commands.Connection.Close), close
    return close.reply_code, close.reply_text


def open_channel(sock: socket.socket) -> None:
    """Open channel 1; that the broker answers is asserted."""
    sock.sendall(frame.marshal(commands.Channel.Open(), 1))
    assert _receive(sock).name == "Channel.OpenOk"
