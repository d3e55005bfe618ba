"""What the store's parts share: the database that they read and write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from storage.database import Database


class Part:
    """One noun of the store; `SqlStore` is all of them."""

    _database: Database
    _now: Callable[[], datetime]
