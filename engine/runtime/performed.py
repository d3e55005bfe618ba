"""Asking a performer, whatever it does: one that would end the process is only wrong about one call (R3)."""

from __future__ import annotations

import asyncio

from engine.ports import Call, Outcome, Performer


class Broken(Exception):
    """A performer raised what no code that makes calls should; the message names it."""


async def performed(performer: Performer, call: Call) -> Outcome:
    """Return what a performer gives.

    Raises:
        Exception: what the performer raised; what would end the loop, such as `SystemExit`, as `Broken`.
    """
    try:
        return await performer.perform(call)
    except (Exception, asyncio.CancelledError, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # the loop would end with it, and every other run stand still
        raise Broken(f"{type(error).__name__}: {error}") from error
