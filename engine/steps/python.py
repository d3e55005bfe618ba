"""Calls of registered Python functions, sync (in a thread) or async. Nothing else can be called.

A function gets its `args` as keyword arguments and, if it asks for them by name, the `key` of the call and a
`heartbeat`: called as `heartbeat("frame 200", 0.4)`, it says that a long work goes on.
It returns JSON. It raises `Rejected` or `Failed` to say that it surely had no effect.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, Final, Literal, NamedTuple

from engine.core.errors import SagaError
from engine.core.saga import PythonStep, canonical_json
from engine.core.templates import plain
from engine.ports import Call, Outcome
from engine.progress import Beat
from engine.steps.beats import Beats, NoBeat, while_it_beats

Json = Any
Function = Callable[..., Any]
THREADS: Final = 256
"""As many as one run may have calls under way; they are made as they are needed."""


class Rejected(SagaError):
    """The function refused and surely had no effect; trying again is useless."""


class Failed(SagaError):
    """The function failed and surely had no effect; trying again may help."""


class Exited(Exception):
    """The function called `sys.exit`, or the like; what it did before is not known."""


class NeverBegan(Exception):
    """The function was not called: no thread was free for it in time."""


class Registered(NamedTuple):
    """A function, whether it asks for the key of the call and for a heartbeat, and whether it is a coroutine."""

    function: Function
    wants_key: bool
    wants_heartbeat: bool
    is_async: bool


class Functions:
    """The functions that sagas may call, by name."""

    def __init__(self) -> None:
        self._known: dict[str, Registered] = {}

    def register(self, name: str) -> Callable[[Function], Function]:
        """Return a decorator that makes a function callable as `name`.

        Raises:
            ValueError: if the name is taken.
        """

        def keep(function: Function) -> Function:
            if name in self._known:
                raise ValueError(f"a function named '{name}' is registered already; choose another name")
            asked = inspect.signature(function).parameters
            self._known[name] = Registered(
                function, "key" in asked, "heartbeat" in asked, inspect.iscoroutinefunction(function)
            )
            return function

        return keep

    @property
    def names(self) -> list[str]:
        """The registered names, sorted."""
        return sorted(self._known)

    def find(self, name: str) -> Registered | None:
        """Return what is registered under a name, or None."""
        return self._known.get(name)


FUNCTIONS = Functions()
"""The registry of this process; the setting `SAGA_FUNCTIONS` names modules that add to it."""


class PythonPerformer:
    """Calls registered functions.

    Args:
        functions: those that can be called.
        threads: how many that are not async go on at once; they share no thread with the engine.
    """

    def __init__(self, functions: Functions = FUNCTIONS, threads: int = THREADS) -> None:
        self._functions = functions
        self._threads = ThreadPoolExecutor(threads, "saga-function")
        self.late: Callable[[Call, Outcome], None] = _forget
        self._beats = Beats()

    def progress(self, run_id: str) -> dict[str, Beat]:
        """Return the latest heartbeat of each call of a run that is going on here, by step."""
        return self._beats.of(run_id)

    async def perform(self, call: Call) -> Outcome:
        """Call the function once; an exception it does not declare leaves the effect unknown.

        A function in a thread can't be stopped: where it ends after its time, `late` is told what it gave.
        """
        name = call.request["function"]
        found = self._functions.find(name)
        if found is None:
            known = ", ".join(self._functions.names) or "none"
            return Outcome(
                outcome="rejected",
                error=f"no function '{name}' is registered (there: {known})",
                code="no_function",
            )
        limit_s = (
            call.step.heartbeat_s if isinstance(call.step, PythonStep) and call.phase == "forward" else None
        )
        if limit_s is not None and not found.wants_heartbeat:
            said = f"'{name}' takes no `heartbeat`, so it could never beat; remove `heartbeat_s`"
            return Outcome(outcome="rejected", error=said, code="no_heartbeat")
        try:
            output = await self._called(call, found, limit_s)
            canonical_json(output)
        except Rejected as error:
            return Outcome(outcome="rejected", error=str(error), code="rejected")
        except Failed as error:
            return Outcome(outcome="failed", error=str(error), code="failed")
        except NeverBegan as error:
            return Outcome(outcome="failed", error=str(error), code="too_late")
        except NoBeat as silent:
            return Outcome(outcome=_lost(call), error=str(silent), code="heartbeat")
        except Exception as error:  # noqa: BLE001 - whatever a function raises is an outcome, not our crash
            said = f"{type(error).__name__}: {error}"
            return Outcome(outcome=_lost(call), error=said, code="exception")
        return Outcome(outcome="ok", output=output)

    async def _called(self, call: Call, found: Registered, limit_s: float | None) -> Json:
        # A copy: what the function changes in its arguments was not sent, and is not sent again (R4).
        arguments = plain(call.request.get("args") or {})
        arguments |= {"key": call.key} if found.wants_key else {}
        if not found.wants_heartbeat:
            return await self._work(call, found, arguments)
        pulse = self._beats.begin(call.run_id, call.step_id)
        try:
            work = self._work(call, found, arguments | {"heartbeat": pulse})
            return await (work if limit_s is None else while_it_beats(work, pulse, limit_s))
        finally:
            self._beats.end(call.run_id, call.step_id, pulse)

    async def _work(self, call: Call, found: Registered, arguments: dict[str, Json]) -> Json:
        try:
            if found.is_async:
                return await found.function(**arguments)
            return await self._in_thread(call, found.function, arguments)
        except SystemExit as error:  # in a task of its own it would end the loop
            raise Exited(f"it would have ended the process (SystemExit: {error})") from error

    async def _in_thread(self, call: Call, function: Callable[..., Json], arguments: dict[str, Json]) -> Json:
        work = self._threads.submit(copy_context().run, partial(function, **arguments))
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            if work.cancel():
                raise NeverBegan("its time was up before a thread was free for it") from None
            work.add_done_callback(partial(self._tell_late, call))
            raise

    def _tell_late(self, call: Call, work: Future[Json]) -> None:
        if work.exception() is None:
            self.late(call, Outcome(outcome="ok", output=work.result()))


def _lost(call: Call) -> Literal["unknown", "failed"]:
    """Return what is known of a call that went lost: an effect of it may be out there (R3)."""
    unsure = call.phase in {"undo", "late"} or not call.readonly
    return "unknown" if unsure else "failed"


def _forget(_call: Call, _outcome: Outcome) -> None:
    """Do nothing: nobody listens."""
