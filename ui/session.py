"""What pages share: the studio of this process, who is looking, and runs folded once per session."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from engine.core.events import Recorded
from engine.core.evolve import evolve
from engine.core.run import Run
from engine.ports import SagaVersion
from ui.compose import Studio
from ui.settings import Settings

KEPT = 4
"""How many runs a session keeps folded: the one it looks at, and those that ask it something."""
KEPT_ENDED = 4
"""How many runs that have ended all sessions share: nothing is added to them, and folding thousands of steps takes time."""
_open: list[Studio] = []
_ended: dict[str, RunView] = {}


def hold(studio: Studio) -> None:
    """Make a studio the one that every page of this process uses; the server's lifespan calls it."""
    _open[:] = [studio]
    _ended.clear()


def let_go() -> None:
    """Forget the studio that was held."""
    _open.clear()
    _ended.clear()


def studio() -> Studio:
    """Return the studio of this process; without a server around it, one is opened and kept."""
    return _open[0] if _open else _own_studio()


@st.cache_resource(show_spinner="Starting the engine ...")
def _own_studio() -> Studio:
    return Studio.open(Settings())


def me() -> str:
    """Return who is looking, as approvals and the log name them."""
    return str(st.session_state.get("person") or studio().settings.user)


def my_groups() -> tuple[str, ...] | None:
    """Return the groups of approvers that who is looking is in, or None where nobody keeps a list."""
    return studio().settings.groups_of(me())


@dataclass
class RunView:
    """A run as this session knows it: the fold, and the events it is the fold of."""

    run: Run
    version: SagaVersion
    history: list[Recorded] = field(default_factory=list)


def run_view(run_id: str) -> RunView | None:
    """Return a run up to date, or None for an unknown one; only new events are read and folded."""
    views: dict[str, RunView] = st.session_state.setdefault("_run_views", {})
    view = views.get(run_id) or _ended.get(run_id)
    store, engine = studio().store, studio().engine
    if view is None:
        row = store.row(run_id)
        version = store.version(row.saga_hash) if row else None
        if row is None or version is None:
            return None
        while len(views) >= KEPT:
            views.pop(next(iter(views)))
        view = views[run_id] = RunView(Run(engine.saga(row.saga_hash)), version)
    for recorded in store.history(run_id, after=view.run.seq):
        evolve(view.run, recorded)
        view.history.append(recorded)
    if view.run.is_closed and run_id not in _ended:
        while len(_ended) >= KEPT_ENDED:
            _ended.pop(next(iter(_ended)), None)
        _ended[run_id] = view
    return view
