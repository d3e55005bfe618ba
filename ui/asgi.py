"""The server: Streamlit with the engine in its lifespan, so that runs go on before anyone looks."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
import streamlit as st

from ui import models, session
from ui.compose import Studio
from ui.settings import Settings


def warm_up() -> None:
    """Load what the pages are made from, so that the first visitor need not wait for it."""
    importlib.import_module("pandas")
    for module in pkgutil.iter_modules(models.__path__, f"{models.__name__}."):
        importlib.import_module(module.name)


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
