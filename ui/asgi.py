"""The server: Streamlit with the engine in its lifespan, so that runs go on before anyone looks."""

from __future__ import annotations

import importlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
import streamlit as st

from ui import session
from ui.compose import Studio
from ui.settings import Settings


def warm_up() -> None:
    """Load what the pages draw tables and charts with: half of what the first visitor would wait for."""
    for name in ("pandas", "plotly.graph_objects"):
        importlib.import_module(name)


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Open the studio before the first page, close it after the last."""
    studio = await anyio.to_thread.run_sync(lambda: Studio.open(Settings()))
    session.hold(studio)
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    try:
        yield
    finally:
        session.let_go()
        await anyio.to_thread.run_sync(studio.close)


app = st.App(Path(__file__).with_name("app.py"), lifespan=lifespan)
