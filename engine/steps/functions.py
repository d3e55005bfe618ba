"""The functions that ship: small ones, for templates, tests and benchmarks."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.steps.python import FUNCTIONS

Json = Any


@FUNCTIONS.register("noop")
async def noop() -> Json:
    """Do nothing."""
    return {}


@FUNCTIONS.register("echo")
async def echo(**values: Json) -> Json:
    """Return the arguments."""
    return values


@FUNCTIONS.register("sleep")
async def sleep(seconds: float = 1.0) -> Json:
    """Take some time."""
    await asyncio.sleep(seconds)
    return {"slept_s": seconds}


@FUNCTIONS.register("total")
async def total(amounts: list[float]) -> Json:
    """Return the sum of some amounts."""
    return {"total": round(sum(amounts), 2)}
