"""Functions that are not async: in threads of their own, and nothing is lost of what they give."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from engine.core.document import parse_saga
from engine.ports import Call, Outcome
from engine.steps.python import Functions, PythonPerformer
from tests.waiting import PATIENCE_S, eventually

STEP = parse_saga(
    "saga: s\nsteps: {book: {kind: python, effect: pivot, with: {function: book}}}"
).steps["book"]  # fmt: skip


class Desk:
    """A performer with one thread, and what it was told too late."""

    def __init__(self) -> None:
        self.functions = Functions()
        self.performer = PythonPerformer(self.functions, threads=1)
        self.late: list[Outcome] = []
        self.performer.late = lambda _, outcome: self.late.append(outcome)

    def knows(self, name: str, function: Callable[..., Any]) -> None:
        self.functions.register(name)(function)

    async def calls(self, name: str) -> Outcome:
        request = {"function": name, "args": {}}
        return await self.performer.perform(Call("r", STEP, "forward", "python", 1, name, request, 60, name))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_R03_what_waits_for_a_thread_until_its_time_is_up_was_never_begun(desk: Desk) -> None:
    busy, go, begun = threading.Event(), threading.Event(), threading.Event()
    desk.knows("hold", lambda: busy.set() or go.wait(PATIENCE_S))
    desk.knows("book", begun.set)

    async def play() -> Outcome:
        first = asyncio.create_task(desk.calls("hold"))
        while not busy.is_set():  # noqa: ASYNC110 - it is set in a thread
            await asyncio.sleep(0.001)
        second = asyncio.create_task(desk.calls("book"))
        await asyncio.sleep(0.01)
        second.cancel()
        told = await second
        go.set()
        await first
        return told

    told = asyncio.run(play())
    assert (told.outcome, told.code) == ("failed", "too_late")
    assert not begun.is_set()
    assert desk.late == []


def test_R25_what_ends_after_its_time_is_told_late(desk: Desk) -> None:
    busy, go = threading.Event(), threading.Event()
    desk.knows("book", lambda: busy.set() or (go.wait(PATIENCE_S) and {"id": 7}))

    async def play() -> None:
        call = asyncio.create_task(desk.calls("book"))
        while not busy.is_set():  # noqa: ASYNC110 - it is set in a thread
            await asyncio.sleep(0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(play())
    go.set()
    eventually(lambda: desk.late)
    assert [told.output for told in desk.late] == [{"id": 7}]


def test_R25_what_has_ended_when_its_time_is_up_is_not_lost(desk: Desk) -> None:
    """The loop has not heard of the end yet when it stops the call."""
    desk.knows("book", lambda: {"id": 7})

    async def play() -> None:
        call = asyncio.create_task(desk.calls("book"))
        await asyncio.sleep(0)
        desk.performer._threads.submit(int).result(PATIENCE_S)  # it comes after
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(play())
    assert [told.output for told in desk.late] == [{"id": 7}]


def test_functions_that_hang_hold_up_nothing_of_the_engine(desk: Desk) -> None:
    go = threading.Event()
    desk.knows("hold", lambda: go.wait(PATIENCE_S))

    async def play() -> str:
        calls = [asyncio.create_task(desk.calls("hold")) for _ in range(50)]
        await asyncio.sleep(0)
        said = await asyncio.to_thread(lambda: "the engine's own threads are free")
        go.set()
        await asyncio.gather(*calls)
        return said

    assert "free" in asyncio.run(play())
