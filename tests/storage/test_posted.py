"""What was posted counts once (L29), wherever the engine that carries it out dies."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from engine.core.commands import Advance, AnyCommand, Disrupt, Pause
from engine.core.document import parse_saga
from engine.ports import Performer, Posted, Unavailable
from engine.runtime.engine import Engine
from engine.steps.python import Functions, PythonPerformer
from storage.store import SqlStore
from tests.contract.makers import TRIP
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PRICED = """
saga: priced
steps:
  price: {kind: python, with: {function: price}}
  rest: {kind: wait, needs: price, with: {duration_s: 600}}
"""
HALF_MORE = Disrupt(by="ann", what={"kind": "fact", "path": "steps.price.output.usd", "factor": 1.5})
CRASH = Disrupt(by="ann", what={"kind": "crash"})
NEXT_ENGINE = """
    import sys
    from engine.runtime.engine import Engine
    from storage.store import open_store
    from tests.waiting import eventually
    store = open_store(sys.argv[1])
    with Engine(store, {}, may_crash=True, alive_s=1, beat_s=0.2):
        eventually(lambda: store.answers(["after"]))
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, path: Path) -> str:
    return f"sqlite:///{path}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def functions() -> dict[str, Performer]:
    known = Functions()
    known.register("price")(lambda: {"usd": 100})
    return {"python": PythonPerformer(known)}


def post(store: SqlStore, run_id: str, **commands: AnyCommand) -> None:
    store.post([Posted(id=name, run_id=run_id, command=command) for name, command in commands.items()])


def told(store: SqlStore, name: str) -> str:
    """Return the answer to a posted command, once there is one."""
    found: dict[str, str] = eventually(lambda: store.answers([name]))
    return found[name]


def deaf(_: Mapping[str, str]) -> None:
    raise Unavailable("the database says: nothing")


def test_L29_facts_are_stored_with_the_answer_to_what_was_posted(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(SqlStore(url)) as store:
        with Engine(store, functions()) as first:
            run_id = first.start_run(parse_saga(PRICED), {}, "ann")
            eventually(lambda: "wait_begun" in events(store, run_id))
            with monkeypatch.context() as patch:
                patch.setattr(store, "answer", deaf)  # it dies before it can answer
                post(store, run_id, raised=HALF_MORE)
                assert told(store, "raised") == ""
                first.stop()
        with Engine(store, functions()):
            post(store, run_id, after=Pause(by="ann"))
            assert told(store, "after") == ""
        assert events(store, run_id).count("disrupted") == 1


def test_L29_a_posted_crash_strikes_one_process(url: str) -> None:
    with closing(SqlStore(url)) as store:
        with Engine(store, {}) as first:
            run_id = first.start_run(parse_saga(TRIP), {}, "ann")
        post(store, run_id, crash=CRASH)
        assert next_engine(url) == -signal.SIGKILL
        post(store, run_id, after=Pause(by="ann"))
        assert next_engine(url) == 0
        assert events(store, run_id).count("disruption_struck") == 1


def test_what_was_posted_and_changes_nothing_is_answered_too(url: str) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(closing(SqlStore(url)))
        engine = stack.enter_context(Engine(store, {}))
        run_id = engine.start_run(parse_saga(TRIP), {}, "ann")
        before = events(store, run_id)
        post(store, run_id, nothing=Advance())
        assert told(store, "nothing") == ""
        assert events(store, run_id) == before


def events(store: SqlStore, run_id: str) -> list[str]:
    return [recorded.event.type for recorded in store.history(run_id)]


def next_engine(url: str) -> int:
    """Let an engine in a process of its own read what was posted; return how it ended."""
    program = [sys.executable, "-c", textwrap.dedent(NEXT_ENGINE), url]
    return subprocess.run(program, check=False, capture_output=True, timeout=90).returncode
