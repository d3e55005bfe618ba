"""How tests wait: as long as a machine that stands still now and then may need; what is there is never waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 60.0


def eventually(true: Callable[[], Any], limit_s: float = PATIENCE_S) -> Any:
    """Return what `true` gives as soon as it gives something."""
    until = time.monotonic() + limit_s
    while not (found := true()):
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.005)
    return found
