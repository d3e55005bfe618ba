"""Calls of registered Python functions, sync (in a thread) or async. Nothing else can be called.

A function gets its `args` as keyword arguments and, if it asks for it by name, the `key` of the call.
It returns JSON. It raises `Rejected` or `Failed` to say that it surely had no effect.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from engine.core.errors import SagaError
from engine.core.saga import canonical_json
from engine.ports import Call, Outcome

Json = Any
Function = Callable[..., Any]


class Rejected(SagaError):
    """The function refused and surely had no effect; trying again is useless."""


class Failed(SagaError):
    """The function failed and surely had no effect; trying again may help."""


class Registered(NamedTuple):
    """A function, whether it asks for the key of the call, and whether it is a coroutine."""

    function: Function
    wants_key: bool
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
            wants_key = "key" in inspect.signature(function).parameters
            self._known[name] = Registered(function, wants_key, inspect.iscoroutinefunction(function))
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
    """Calls registered functions."""

    def __init__(self, functions: Functions = FUNCTIONS) -> None:
        self._functions = functions
        self.late: Callable[[Call, Outcome], None] = _forget

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
        function = found.function
        arguments = dict(call.request.get("args") or {}) | ({"key": call.key} if found.wants_key else {})
        try:
            output = await (
                function(**arguments) if found.is_async else self._in_thread(call, function, arguments)
            )
            canonical_json(output)
        except Rejected as error:
            return Outcome(outcome="rejected", error=str(error), code="rejected")
        except Failed as error:
            return Outcome(outcome="failed", error=str(error), code="failed")
        except Exception as error:  # noqa: BLE001 - whatever a function raises is an outcome, not our crash
            unsure = call.phase in {"undo", "late"} or not call.readonly
            said = f"{type(error).__name__}: {error}"
            return Outcome(outcome="unknown" if unsure else "failed", error=said, code="exception")
        return Outcome(outcome="ok", output=output)

    async def _in_thread(self, call: Call, function: Callable[..., Json], arguments: dict[str, Json]) -> Json:
        given_up = False

        def work() -> Json:
            output = function(**arguments)
            if given_up:
                self.late(call, Outcome(outcome="ok", output=output))
            return output

        try:
            return await asyncio.to_thread(work)
        except asyncio.CancelledError:
            given_up = True
            raise


def _forget(_call: Call, _outcome: Outcome) -> None:
    """Do nothing: nobody listens."""
