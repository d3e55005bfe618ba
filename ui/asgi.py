"""The server: Streamlit with the engine in its lifespan, so that runs go on before anyone looks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
import streamlit as st

from ui import session
from ui.compose import Studio
from ui.settings import Settings


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Open the studio before the first page, close it after the last."""
    studio = await anyio.to_thread.run_sync(lambda: Studio.open(Settings()))
    session.hold(studio)
    try:
        yield
    finally:
        session.let_go()
        await anyio.to_thread.run_sync(studio.close)


app = st.App(Path(__file__).with_name("app.py"), lifespan=lifespan)
