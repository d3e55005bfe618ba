"""Which drivers are alive: their heartbeat is fresh and, on this machine, their process exists."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from datetime import datetime, timedelta

from engine.ports import Driver

ALIVE_S = 15.0
"""A driver whose last heartbeat is older than this has lost its runs (R34)."""


def living(drivers: Iterable[Driver], now: datetime, alive_s: float = ALIVE_S) -> list[Driver]:
    """Return those of the drivers that may still append."""
    here = socket.gethostname()
    fresh = [driver for driver in drivers if now - driver.beat_at < timedelta(seconds=alive_s)]
    return [driver for driver in fresh if driver.host != here or _process_lives(driver.pid)]


def _process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
