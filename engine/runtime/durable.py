"""Waiting for the disk on a loop: the store's thread wakes whoever waits, once per commit."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future


class Disk:
    """Who waits on one loop for changes to be on disk."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._woken: deque[asyncio.Future[None]] = deque()
        self._waking = False

    async def has(self, stored: Future[None] | None) -> bool:
        """Wait until a change is on disk or never will be; return whether it is."""
        assert stored is not None
        if not stored.done():
            waiter: asyncio.Future[None] = self._loop.create_future()
            stored.add_done_callback(lambda _: self._wake_up(waiter))
            await waiter
        return stored.exception() is None

    def _wake_up(self, waiter: asyncio.Future[None]) -> None:
        """Wake who waits, from the store's thread; one system call serves all of a commit."""
        self._woken.append(waiter)
        if not self._waking and not self._loop.is_closed():
            self._waking = True
            self._loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        self._waking = False  # first: what is added from here on is seen below, or wakes again
        while self._woken:
            waiter = self._woken.popleft()
            if not waiter.done():
                waiter.set_result(None)
