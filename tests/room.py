"""Where tests keep their files: in memory where there is room, since a disk that stalls is not what they are about."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
NEEDED = 4 << 30
"""Bytes that have to be free; a whole test run keeps less than one of these four GB at a time."""


def temp_root() -> Path:
    """Return the folder in which temporary folders are to be made."""
    if MEMORY.is_dir() and min(shutil.disk_usage(MEMORY).free, _available()) >= NEEDED:
        return MEMORY
    return Path(tempfile.gettempdir())


def _available() -> int:
    """Return the bytes of memory that programs may still take, 0 where nobody tells."""
    told = Path("/proc/meminfo")
    found = re.search(r"MemAvailable:\s+(\d+) kB", told.read_text()) if told.exists() else None
    return int(found.group(1)) * 1024 if found else 0
