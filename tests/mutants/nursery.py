"""Runs pytest in forks of one process that has every library loaded, and nothing of the product: four times as quick.

Reads a request a line from standard input, `{"tests", "environment", "limit_s"}`, and answers with a line,
`{"code", "output"}`; the code is None where the time was up. What the first run imported from elsewhere than the
tree it works in is loaded then, for all that follow.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import pytest

PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.witness")
LOOK_S = 0.005


def main() -> None:
    """Serve until there are no more requests."""
    loaded = False
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile("w+") as output:
            code = _wait(_fork(request, output), request["limit_s"])
            output.seek(0)
            print(json.dumps({"code": code, "output": output.read()}), flush=True)
        if not loaded and code is not None:
            loaded = _load(json.loads(Path(request["environment"]["MUTANT_REPORT"]).read_text())["libraries"])


def _fork(request: dict[str, Any], output: IO[str]) -> int:
    child = os.fork()
    if child:
        return child
    os.setsid()  # what it starts ends with it
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    os.environ.update(request["environment"])
    code = int(pytest.ExitCode.INTERNAL_ERROR)
    try:
        code = int(pytest.main([*PYTEST, *request["tests"]]))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)  # nothing of the parent's is to be cleaned up here, nor to go on


def _wait(child: int, limit_s: float) -> int | None:
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(LOOK_S)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _load(libraries: list[str]) -> bool:
    for name in libraries:
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001 - made by hand, or for another platform; without it a run is only slower
            continue
    return True


if __name__ == "__main__":
    main()
