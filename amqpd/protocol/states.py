"""The states of a connection: the negotiation on one screen.

    HEADER    the protocol header                       -> connection.start
    STARTING  start-ok   (-> secure, or check the user) -> connection.tune
    SECURING  secure-ok                                 -> connection.tune
    TUNING    tune-ok
    OPENING   open                                      -> connection.open-ok
    RUNNING   close, update-secret, and channels
    CLOSING   the server has sent connection.close: close-ok ends it, close is answered
    CLOSED    the client's close was answered: it shall end the TCP connection now
    SILENT    refused before it could be answered: nothing is said until the connection is dropped
    FINISHED  gone

The names are RabbitMQ's: they stand in the texts of its errors. `negotiation` says which methods each state takes.
"""

from __future__ import annotations

from typing import Final

HEADER: Final = "header"
STARTING: Final = "starting"
SECURING: Final = "securing"
TUNING: Final = "tuning"
OPENING: Final = "opening"
RUNNING: Final = "running"
CLOSING: Final = "closing"
CLOSED: Final = "closed"
SILENT: Final = "silent"
FINISHED: Final = "finished"

MUTE: Final = (HEADER, STARTING, SECURING, TUNING)
"""States in which an error is met with silence and a dropped connection instead of a close."""
