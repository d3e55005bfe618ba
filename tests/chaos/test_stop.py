"""SIGTERM to the real app: it ends soon, whatever is under way, and what could be stored is stored."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from engine.core.commands import Decide
from engine.core.document import parse_saga
from engine.core.saga import Saga
from engine.ports import RunFilter
from engine.runtime.engine import Engine
from engine.sandbox.faults import Fault, FaultKind
from engine.sandbox.world import World
from storage.store import SqlStore
from tests.chaos.sagas import after, ticket

STOP_S = 10
FUNCTIONS = """
import time
from engine.steps.functions import FUNCTIONS

FUNCTIONS.register("sleep_long")(lambda: time.sleep(60))
"""
ASK = "  ask: {kind: approval, with: {question: go?}}"
SLEEPER = parse_saga(
    f"saga: sleeper\nsteps:\n{ASK}\n  sleep: {{kind: python, needs: ask, with: {{function: sleep_long}}, timeout_s: 90}}"
)
SLOW = parse_saga(
    "\n".join(("saga: slow\nsteps:", ASK, ticket("a", after("ask")), ticket("b", after("a")))).replace(
        "timeout_s: 0.5", "timeout_s: 20"
    )
)


class App:
    """`saga serve` on a folder of its own, and a second engine beside it that only asks."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.data = folder / "data"
        self.data.mkdir()
        (folder / "chaos_functions.py").write_text(FUNCTIONS)
        self.store = SqlStore(f"sqlite:///{self.data / 'saga.db'}")
        self.world = World(self.data / "sandbox.db")
        self.asking = Engine(self.store, {}, adopt=False).start()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {
            **os.environ, "SAGA_MODEL": "scripted", "SAGA_DATA_DIR": str(self.data), "PYTHONPATH": str(self.folder),
            "SAGA_FUNCTIONS": '["chaos_functions"]',
        }  # fmt: skip
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name("saga")), "serve", "--port", str(self.port)],
                env=environment, stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip
        self.until(self.is_up)

    def is_up(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/_stcore/health", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def until(self, true: Callable[[], bool], within_s: float = 60) -> None:
        limit = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < limit, (self.folder / "serve.log").read_text()
            time.sleep(0.05)

    def prepare(self, sagas: list[Saga]) -> list[str]:
        """Begin runs that wait for an answer, and leave them to the app."""
        with Engine(self.store, {}, adopt=False) as engine:
            return [engine.start_run(saga, {}, "me") for saga in sagas]

    def approve(self, run_id: str) -> None:
        self.asking.submit(run_id, Decide(by="boss", step="ask", decision="approved")).result(30)

    def facts(self, run_id: str, kind: str) -> list[str]:
        history = self.store.history(run_id)
        return [getattr(each.event, "code", "") for each in history if each.event.type == kind]

    def end(self, how: signal.Signals) -> tuple[int, float]:
        """Ask the app to end; return its exit code and how many seconds it took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(how)
        code = self.process.wait(90)
        return code, time.monotonic() - started

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self.asking.stop()
        self.world.close()
        self.store.close()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    made = App(tmp_path, port)
    yield made
    made.close()


@pytest.fixture
def session(app: App) -> Iterator[Callable[[], None]]:
    """Open a browser's web socket, and leave it open."""
    found = socket.socket()

    def connect() -> None:
        found.connect(("127.0.0.1", app.port))
        origin = f"127.0.0.1:{app.port}"
        found.sendall(
            (
                f"GET /_stcore/stream HTTP/1.1\r\nHost: {origin}\r\nOrigin: http://{origin}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Protocol: streamlit\r\n\r\n"
            ).encode()
        )
        assert found.recv(12) == b"HTTP/1.1 101"

    yield connect
    found.close()


def test_the_app_ends_soon_when_asked_to_and_the_next_start_goes_on(
    app: App, session: Callable[[], None]
) -> None:
    *slow, sleeper = app.prepare([SLOW, SLOW, SLOW, SLEEPER])
    app.start()
    session()
    app.world.add_fault(Fault(kind=FaultKind.SLOW, resource="tickets", times=3, delay_s=1.5))
    for run_id in (*slow, sleeper):
        app.approve(run_id)
    app.until(lambda: len(app.world.ledger()) == 3 and "" in app.facts(sleeper, "attempt_intended"))
    code, seconds = app.end(signal.SIGTERM)
    assert code == -signal.SIGTERM  # 143 in a shell
    assert seconds < STOP_S
    assert [driver.id for driver in app.store.drivers()] == [app.asking.id], "it left in good order"
    for run_id in slow:
        assert app.facts(run_id, "attempt_ended") == [""], "its answer came in time to be stored"
    app.start()
    app.until(lambda: all(app.store.row(run_id).ended_at for run_id in slow))  # type: ignore[union-attr]
    for run_id in slow:
        assert "interrupted" not in app.facts(run_id, "attempt_ended")
    assert set(Counter(entry.key for entry in app.world.ledger()).values()) == {1}
    app.until(lambda: len(app.facts(sleeper, "attempt_intended")) == 2)
    code, seconds = app.end(signal.SIGINT)
    assert code == 130
    assert seconds < STOP_S
    statuses = Counter(row.status for row in app.store.rows(RunFilter()))
    assert statuses == {"completed": 3, "running": 1}
