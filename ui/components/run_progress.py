"""How far the long calls of a run are, by their own word; live, and kept nowhere."""

from __future__ import annotations

import time
from datetime import timedelta

import streamlit as st

from engine.core.run import Run
from ui.components.text import escape
from ui.models.run_words import rounded, title_of
from ui.session import studio


def draw_progress(run: Run) -> None:
    """Draw a bar for each call that says how far it is; nothing where none does."""
    beats = {} if run.is_closed else studio().engine.progress(run.id)
    for name, beat in beats.items():
        ago = rounded(timedelta(seconds=max(time.monotonic() - beat.at, 0)))
        share = "" if beat.share is None else f"{beat.share:.0%}"
        title = title_of(run.steps[name]) if name in run.steps else name
        words = " · ".join(part for part in (title, share, beat.text, f"{ago} ago") if part)
        with st.container(key=f"run-{run.id}-progress-{name}"):
            if beat.share is None:
                st.caption(escape(words))
            else:
                st.progress(beat.share, escape(words))
