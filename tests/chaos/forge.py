"""A process that has everything imported and forks the real ones: a start costs 10 ms, not the 2 s of the imports.

It is started as `python -m tests.chaos.forge`, reads one order a line, and never runs an engine itself.
Whatever its children say is one line on the shared standard output: `<pid> <word> ...`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from tests.chaos.roles import ROLES

Say = Callable[[str], None]


def main() -> None:
    """Fork a child for each order until the input ends; children are reaped as they die."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    httpx.AsyncClient()  # these two import the most when they are first used
    uvicorn.Config(Starlette(), ws="none", lifespan="off", log_config=None).load()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            be(order["role"], order["args"])
        say(os.getpid(), f"forked {pid}")


def be(role: str, args: dict[str, Any]) -> None:
    """Play a role in this process and end it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.close(0)
    pid = os.getpid()
    try:
        ROLES[role](lambda text: say(pid, text), **args)
    except BaseException:  # noqa: BLE001 - a child never returns into the forge's own loop
        traceback.print_exc()
        say(pid, "failed")
        os._exit(1)
    os._exit(0)


def say(pid: int, text: str) -> None:
    """Write a line; short enough that the pipe takes it whole or not at all."""
    os.write(1, f"{pid} {text}\n".encode())


if __name__ == "__main__":
    main()
