"""The types of frames, and the octets around them."""

from __future__ import annotations

from typing import Final

METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
HEARTBEAT: Final = 8
PUBLISH: Final = 256
"""No wire type, which is one octet: a whole basic.publish; the entry holds method payload, header payload and body."""

FRAME_END: Final = 0xCE
FRAME_OVERHEAD: Final = 8
BASIC: Final = 60
"""The class of messages."""
