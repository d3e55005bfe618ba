"""Disruptions of the process itself: a database that is away for a while, a process that dies."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, cast

from engine.core.disruption_kinds import Crash, DatabaseAway
from engine.core.errors import CommandRejected
from engine.ports import Change, Store, Unavailable

log = logging.getLogger(__name__)
NEVER_AWAY = frozenset({"describe", "close", "trouble"})


class Interruptible:
    """A store that can be taken away for some seconds: reads fail, facts wait and are stored afterwards, in order."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._until = 0.0
        self._waiting: list[tuple[Change, Future[None]]] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def away(self, seconds: float) -> None:
        """Take the store away from now on, for so long."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(max(self._until - time.monotonic(), 0), self._return)
        self._timer.daemon = True
        self._timer.start()

    def _return(self) -> None:
        with self._lock:
            if self._until > time.monotonic():
                self._set_timer()
                return
            self._hand_over()

    def _hand_over(self) -> None:
        waiting, self._waiting = self._waiting, []
        for change, promised in waiting:
            self._store.append(change).add_done_callback(partial(_pass_on, promised))

    @property
    def _is_away(self) -> bool:
        return time.monotonic() < self._until

    @property
    def trouble(self) -> str:
        """What keeps facts from being stored right now."""
        return "a planted outage: the database is away" if self._is_away else self._store.trouble

    def append(self, change: Change) -> Future[None]:
        """Store a transition, as soon as the store is back."""
        with self._lock:
            if not self._is_away and not self._waiting:
                return self._store.append(change)
            promised: Future[None] = Future()
            self._waiting.append((change, promised))
            return promised

    def close(self) -> None:
        """Store what waits, and let go of the database."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._hand_over()
        self._store.close()

    def __getattr__(self, name: str) -> Any:
        """Return what the store has of that name; a call of it fails while the store is away."""
        found = getattr(self._store, name)
        if not callable(found) or name in NEVER_AWAY:
            return found

        def read(*args: Any, **named: Any) -> Any:
            if self._is_away:
                raise Unavailable("a planted outage: the database is away")
            return found(*args, **named)

        return read


def _pass_on(promised: Future[None], done: Future[None]) -> None:
    error = done.exception()
    if error is None:
        promised.set_result(None)
    else:
        promised.set_exception(error)


def interruptible(store: Store) -> Store:
    """Return the store as one that can be taken away."""
    return cast("Store", Interruptible(store))


class Outages:
    """What may strike the process: whether its store can be taken away, and whether it may be killed."""

    def __init__(self, store: Store, *, may_crash: bool = False) -> None:
        self._away: Callable[[float], None] | None = getattr(store, "away", None)
        self._may_crash = may_crash

    def refuse(self, what: object) -> None:
        """Refuse what this deployment does not allow.

        Raises:
            CommandRejected: saying what would allow it.
        """
        if isinstance(what, Crash) and not self._may_crash:
            raise CommandRejected("this studio may not be crashed; SAGA_ALLOW_CRASH=1 allows it")
        if isinstance(what, DatabaseAway) and self._away is None:
            raise CommandRejected("the database of this studio can't be taken away")

    def strike(self, what: object) -> None:
        """Let it happen, now that it is on disk; what is not allowed does not."""
        try:
            self.refuse(what)
        except CommandRejected as refused:
            log.warning("a scheduled disruption was left out: %s", refused)
            return
        if isinstance(what, DatabaseAway) and self._away is not None:
            self._away(what.seconds)
        elif isinstance(what, Crash):
            os.kill(os.getpid(), signal.SIGKILL)
