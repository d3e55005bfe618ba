"""Disruptions of the process itself: a database that is away for a while, a process that dies."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, cast

from engine.core.disruption_kinds import Crash, DatabaseAway
from engine.core.errors import CommandRejected
from engine.memory import check
from engine.ports import Change, Store, Unavailable

log = logging.getLogger(__name__)
NEVER_AWAY = frozenset({"describe", "close", "trouble"})


class Interruptible:
    """A store that can be taken away for some seconds: reads fail, facts wait and are stored afterwards, in order.

    Nothing is stored, and nobody is told, under the lock: whoever hears that a fact is stored may append the next
    one, or take the store away once more.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._until = 0.0
        self._waiting: deque[tuple[Change, Future[None]]] = deque()
        self._lock = threading.Lock()
        self._handing_over = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False

    def away(self, seconds: float) -> None:
        """Take the store away from now on, for so long; one that is closed is gone already."""
        with self._lock:
            if not self._closed:
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
            if self._is_away:
                self._set_timer()
                return
        self._hand_over()

    def _hand_over(self) -> None:
        """Store what waits, one after the other, until nothing does or the store is taken away again."""
        with self._handing_over:
            while (first := self._first()) is not None:
                self._store_promised(*first)
                with self._lock:  # only now: until then what comes meanwhile queues up behind it
                    self._waiting.popleft()

    def _first(self) -> tuple[Change, Future[None]] | None:
        with self._lock:
            return self._waiting[0] if self._waiting and not self._is_away else None

    def _store_promised(self, change: Change, promised: Future[None]) -> None:
        try:
            stored = self._store.append(change)
        except Exception as error:  # noqa: BLE001 - whoever waits for this one hears of it; the others go on
            promised.set_exception(error)
        else:
            stored.add_done_callback(partial(_pass_on, promised))

    @property
    def _is_away(self) -> bool:
        return not self._closed and time.monotonic() < self._until

    @property
    def trouble(self) -> str:
        """What keeps facts from being stored right now."""
        return "a planted outage: the database is away" if self._is_away else self._store.trouble

    def append(self, change: Change) -> Future[None]:
        """Store a transition, as soon as the store is back.

        Raises:
            ValueError: if the change contradicts itself.
        """
        with self._lock:
            if self._is_away or self._waiting:
                check(change)
                promised: Future[None] = Future()
                promised.set_running_or_notify_cancel()  # a fact is a fact: nobody can cancel it
                self._waiting.append((change, promised))
                return promised
        return self._store.append(change)

    def close(self) -> None:
        """Store what waits, and let go of the database."""
        with self._lock:
            self._closed = True
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
