"""The practice world as a server of its own, on loopback: in a thread beside the app, or alone."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Self

import uvicorn

from engine.sandbox.app import create_app

if TYPE_CHECKING:
    from engine.sandbox.world import World

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0


class _Server(uvicorn.Server):
    """Uvicorn, which lets go of the answers that hang before it stops."""

    def __init__(self, world: World) -> None:
        self._app = create_app(world)
        self.is_up = threading.Event()
        super().__init__(
            uvicorn.Config(
                self._app,
                access_log=False,
                lifespan="off",
                log_config=None,
                log_level="warning",
                timeout_graceful_shutdown=1,
                ws="none",
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.closing.set()
        await super().shutdown(sockets)


class SandboxServer:
    """Serves a world from a daemon thread. A context manager; it can be started again, on the same port."""

    def __init__(self, world: World, port: int = 0, host: str = "127.0.0.1") -> None:
        self._world = world
        self._host = host
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address to call, without a slash at its end; its port is known once started."""
        return f"http://{self._host}:{self._port}"

    def start(self) -> Self:
        """Start, and return once it accepts requests.

        Raises:
            OSError: the port is taken.
            RuntimeError: it is running already, or did not come up in time.
        """
        if self._thread is not None:
            raise RuntimeError(f"the sandbox is running already at {self.url}; stop it first")
        listener = self._listen()
        server = _Server(self._world)
        thread = threading.Thread(target=server.run, args=([listener],), name="sandbox", daemon=True)
        self._server, self._thread = server, thread
        thread.start()
        if not server.is_up.wait(START_TIMEOUT_S):
            self.stop()
            raise RuntimeError(f"the sandbox did not come up at {self.url} within {START_TIMEOUT_S:.0f} s")
        return self

    def stop(self) -> None:
        """Stop: answers that hang are let go with a 503. The world stays open. Does nothing when stopped."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(STOP_TIMEOUT_S)
        self._server = self._thread = None

    def wait(self) -> None:
        """Block until the server ends, or Ctrl-C."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(0.5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _listen(self) -> socket.socket:
        # asyncio turns Nagle's delay (40 ms a request) off only where the socket says that it is TCP
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._port))
        except OSError:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        return listener


def serve(world: World, port: int, host: str = "127.0.0.1") -> None:
    """Serve the world until Ctrl-C.

    Raises:
        OSError: the port is taken.
    """
    with SandboxServer(world, port, host) as server:
        try:
            server.wait()
        except KeyboardInterrupt:
            return
