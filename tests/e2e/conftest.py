"""The real app in its own process, and a real browser in front of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as TookTooLong

from engine.ports import RunRow
from engine.sandbox.world import World
from storage.store import SqlStore

BROWSER_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
HARMLESS = re.compile(
    r"allow-scripts|feature policy|Unrecognized feature|host-config|_stcore/health|favicon", re.IGNORECASE
)
expect.set_options(timeout=45_000)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class App:
    """`saga serve` in a process of its own, with the data that it leaves on the disk."""

    def __init__(self, data: Path, model: str) -> None:
        self.data = data
        self.model = model
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = (self.data.parent / "serve.log").open("ab")
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("saga")), "serve", "--port", str(self.port), "--data-dir", str(self.data)],
            env={**os.environ, "SAGA_MODEL": self.model, "SAGA_USER": "tester"},
            stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                if httpx.get(f"{self.url}/_stcore/health", trust_env=False).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError((self.data.parent / "serve.log").read_text())

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """End the process; return how many seconds it took."""
        started = time.monotonic()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(20)
        return time.monotonic() - started

    def world(self) -> World:
        return World(self.data / "sandbox.db")

    def row(self, run_id: str) -> RunRow:
        store = SqlStore(f"sqlite:///{self.data / 'saga.db'}")
        try:
            row = store.row(run_id)
        finally:
            store.close()
        assert row is not None
        return row


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    served = App(tmp_path / "data", "scripted")
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="module")  # Playwright keeps an event loop; other modules run their own
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(BROWSER_FLAGS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, app: App) -> Iterator[Page]:
    """A page that is closed before the app stops; an error in its console fails the test."""
    del app
    context = browser.new_context(viewport={"width": 1500, "height": 1100}, color_scheme="light")
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text) if is_bad(message) else None)
    yield opened
    context.close()
    assert said == [], "the browser's console has errors"


def press_for(button: Locator, wanted: Locator) -> None:
    """Press a button until what it opens is there: a click that comes while Streamlit redraws can be lost."""
    for _ in range(4):
        with contextlib.suppress(TookTooLong):
            if not wanted.is_visible():
                button.click(timeout=5_000)
            wanted.wait_for(timeout=10_000)
            return
    wanted.wait_for()


def is_bad(message: Any) -> bool:
    return message.type == "error" and not HARMLESS.search(
        f"{message.text} {message.location.get('url', '')}"
    )
