"""Which drivers are alive: their heartbeat is fresh and, on this machine, their process exists."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from engine.ports import Driver

ALIVE_S = 15.0
"""A driver whose last heartbeat is older than this has lost its runs (R34)."""
START = 19
"""Where `/proc/PID/stat` has the start of a process, counted behind its name."""
CLOCK_S = 5.0
"""How far the moments that the kernel and the clock tell may be apart."""


def living(drivers: Iterable[Driver], now: datetime, alive_s: float = ALIVE_S) -> list[Driver]:
    """Return those of the drivers that may still append."""
    here = socket.gethostname()
    fresh = [driver for driver in drivers if now - driver.beat_at < timedelta(seconds=alive_s)]
    return [driver for driver in fresh if driver.host != here or _process_lives(driver.pid)]


def lingering(drivers: Iterable[Driver]) -> list[Driver]:
    """Return those of the drivers whose process is there on this machine, however old their last heartbeat is.

    One that is suspended goes on some day. A process that began after the heartbeat only has the number by chance.
    """
    here = socket.gethostname()
    return [
        driver
        for driver in drivers
        if driver.host == here and _process_lives(driver.pid) and not _began_after(driver.pid, driver.beat_at)
    ]


def _began_after(pid: int, moment: datetime) -> bool:
    """Return whether a process surely began after a moment; only Linux tells."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[START])
        booted = next(
            line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime")
        )
    except (OSError, ValueError, IndexError, StopIteration):
        return False
    began = int(booted.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")
    return began > moment.timestamp() + CLOCK_S


def _process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
