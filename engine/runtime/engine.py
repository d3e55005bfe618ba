"""The engine as everyone else sees it: one background thread with an asyncio loop that drives runs.

Its methods may be called from any thread. It takes over the runs of drivers that are gone, at start
and while it runs, and it answers commands that other processes left in the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, Self, TypeVar
from uuid import uuid4

from engine.core.checks import check_publishable
from engine.core.commands import AnyCommand, Signal, Start
from engine.core.context.tokens import ESTIMATE, TokenCounter
from engine.core.document import saga_from_document
from engine.core.embed import embed
from engine.core.errors import CommandRejected, ExpressionError
from engine.core.inputs import input_with_defaults
from engine.core.memory import Known, key_of
from engine.core.saga import Saga
from engine.ports import (
    Clock,
    Conflict,
    DatabaseMoved,
    Driver,
    Json,
    Performer,
    Posted,
    SagaVersion,
    Store,
    Unavailable,
)
from engine.progress import Beat, TellsProgress
from engine.runtime.driver import STOPPING, RunDriver
from engine.runtime.living import ALIVE_S, living
from engine.runtime.mail import Mail
from engine.runtime.outage import Outages
from engine.runtime.signals import listeners
from engine.templates import shipped

log = logging.getLogger(__name__)
T = TypeVar("T")

INBOX_S = 0.25
AUDIT_S = 3.0
GLANCE_S = 0.25
"""How long an engine that was alive is taken for alive, where many requests ask."""
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)


def new_run_id() -> str:
    """Return a run id that sorts by time: `r-`, 9 characters of milliseconds and 8 of chance, base 32."""
    number = int(time.time() * 1000) << 40 | secrets.randbits(40)
    return "r-" + "".join(DIGITS[number >> shift & 31] for shift in range(80, -1, -5))


def calm_garbage_collector() -> None:
    """Keep the collector from walking all live runs again and again; for a process that is mostly engine.

    What is loaded now is set aside for good, and young objects are looked at in larger groups: with a
    thousand runs under way the default settings spend a third of the time on walks that find nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


class Engine:
    """Drives runs until it is stopped.

    Args:
        store: where every fact goes.
        performers: who makes the calls, by kind.
        clock: the source of now.
        count: who counts the tokens of what models are shown.
        adopt: whether to take over runs that nobody drives.
        may_crash: whether a disruption may kill this process.
        beat_s: how often it says that it is alive.
        alive_s: a driver whose last heartbeat is older than this has lost its runs (R34); they are looked
            for five times as often.
    """

    def __init__(
        self,
        store: Store,
        performers: Mapping[str, Performer],
        *,
        clock: Clock | None = None,
        count: TokenCounter = ESTIMATE,
        adopt: bool = True,
        may_crash: bool = False,
        beat_s: float = 2.0,
        alive_s: float = ALIVE_S,
    ) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._store = store
        self._performers = performers
        self._clock = clock or SystemClock()
        self._count = count
        self._adopt = adopt
        self._outages = Outages(store, may_crash=may_crash)
        self._beat_s = beat_s
        self._alive_s = alive_s
        self._sagas: dict[str, Saga] = {}
        self._unloaded: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, name="saga-engine", daemon=True)
        self._ready = threading.Event()
        self._door = threading.Lock()
        self._stopping = False
        self._driver: RunDriver | None = None
        self._chores: list[asyncio.Task[None]] = []
        self._mail: Mail | None = None
        self._seen_alive: frozenset[str] = frozenset()
        self._seen_at = 0.0

    # Life

    def start(self) -> Self:
        """Start the loop and take over the runs that nobody drives; return once they go on."""
        self._thread.start()
        self._ready.wait()
        self._on_loop(self._begin()).result()
        return self

    def stop(self) -> None:
        """Stop calling, store what is known, and let the runs go to whoever comes next."""
        if not self._thread.is_alive():
            return
        with self._door:  # what came before is on the loop by now, and what comes later is refused
            self._stopping = True
            ended = asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        ended.result(timeout=20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        try:
            self._store.leave(self.id)
        except Unavailable as error:
            log.warning("the engine could not sign off, so its runs wait for its heartbeat to age: %s", error)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    # Requests

    def publish(self, saga: Saga, by: str) -> SagaVersion:
        """Keep a version of a saga after checking that it may run (R12, R30).

        Raises:
            DefinitionInvalid: with what is wrong; nothing is stored then.
        """
        known = self._store.version(saga.hash)
        if known is not None:
            return known
        complete = self.embed(saga)
        check_publishable(complete)
        return self._store.publish(complete, by)

    def embed(self, saga: Saga) -> Saga:
        """Return the saga with the sagas inside it pinned: to their newest versions here, else to what ships.

        Raises:
            DefinitionInvalid: if a saga is inside itself.
        """
        return embed(saga, self.newest)

    def newest(self, name: str) -> Saga | None:
        """Return the newest version of a saga here, else the one that ships under the name, or None."""
        versions = self._store.versions(name)
        if versions:
            return saga_from_document(versions[0].document)
        return shipped(name)

    def start_run(self, saga: Saga, values: dict[str, Json], by: str) -> str:
        """Publish the saga if it is new, begin a run of it, and return the run's id once that is stored.

        Raises:
            DefinitionInvalid: if the saga may not run.
            CommandRejected: if the inputs do not fit.
        """
        return self.start_runs(saga, [values], by)[0]

    def start_runs(self, saga: Saga, inputs: Sequence[dict[str, Json]], by: str) -> list[str]:
        """Begin a run for each of the inputs and return their ids once all are stored.

        Raises:
            DefinitionInvalid: if the saga may not run.
            CommandRejected: if the inputs of one do not fit, or the engine stops; nothing is stored then.
        """
        if self._stopping:
            raise CommandRejected(STOPPING)
        saga = self.embed(saga)
        check_publishable(saga)
        for values in inputs:  # a start that is refused keeps no version either
            input_with_defaults(saga.input, values)
        author, lessons = self.publish(saga, by).by, self._lessons(saga)
        memories = [self._memory(saga, values) for values in inputs]
        self._sagas[saga.hash] = saga

        async def begin() -> list[str]:
            names = [new_run_id() for _ in inputs]
            stored = [
                self._runs.begin(
                    saga,
                    Start(run_id=name, input=values, by=by, author=author, lessons=lessons, memory=known),
                    name,
                )
                for name, values, known in zip(names, inputs, memories, strict=True)
            ]
            for each in stored:
                if not each.done():  # most are, once the first one is
                    await asyncio.wrap_future(each)
                each.result()
            return names

        return self._on_loop(begin()).result()

    def submit(self, run_id: str, command: AnyCommand) -> Future[None]:
        """Send a command to a run; the future is done when its facts are stored.

        A run that a living driver elsewhere drives gets it through the store. The future fails with
        `CommandRejected` where the run's state forbids the command, where there is no such run, and where the engine stops.
        """
        return self._on_loop(self._submit(run_id, command))

    def signal(self, signal: Signal) -> dict[str, str]:
        """Bring a signal to every open run that waits, or will wait, for its key; return each with its refusal, if any."""
        return {run_id: self._refusal(run_id, signal) for run_id in self._listeners(signal)}

    def _listeners(self, signal: Signal) -> list[str]:
        return listeners(self._store, self.saga, self._runs.load, signal.name, signal.key)

    def _refusal(self, run_id: str, signal: Signal) -> str:
        try:
            self.submit(run_id, signal).result()
        except CommandRejected as refused:
            return str(refused)
        return ""

    def progress(self, run_id: str) -> dict[str, Beat]:
        """Return the latest heartbeat of each long call of a run that is going on in this process, by step."""
        found: dict[str, Beat] = {}
        for performer in self._performers.values():
            found |= performer.progress(run_id) if isinstance(performer, TellsProgress) else {}
        return found

    def saga(self, digest: str) -> Saga:
        """Return the saga of a version's hash.

        Raises:
            CommandRejected: if the store has no such version.
        """
        if digest not in self._sagas:
            version = self._store.version(digest)
            if version is None:
                raise CommandRejected(f"the store has no saga version {digest[:12]}")
            self._sagas[digest] = saga_from_document(version.document)
        return self._sagas[digest]

    def _lessons(self, saga: Saga) -> dict[str, list[str]]:
        """Return what validators noted about the steps of a saga that can learn from it: those of models (R28)."""
        learners = {name for name, step in saga.steps.items() if step.kind == "llm"}
        noted = self._store.lessons(saga.saga) if learners else {}
        return {step: said for step, said in noted.items() if step in learners}

    def _memory(self, saga: Saga, values: dict[str, Json]) -> dict[str, Known]:
        """Return what earlier runs left about what a run with these inputs is about; what it still knows to write."""
        if saga.memory is None:
            return {}
        try:
            key = key_of(saga.memory, input_with_defaults(saga.input, values))
        except ExpressionError as error:
            raise CommandRejected(f"what this run remembers about can't be told: {error}") from None
        found = self._store.remembered(saga.saga, key)
        return {
            fact.name: Known(value=fact.value, run_id=fact.run_id, steps=fact.steps, seq=fact.seq, at=fact.at)
            for fact in found
            if fact.name in saga.memory.writes
        }

    # On the loop

    @property
    def _runs(self) -> RunDriver:
        assert self._driver is not None, "the engine has not been started"
        return self._driver

    @property
    def _post(self) -> Mail:
        assert self._mail is not None, "the engine has not been started"
        return self._mail

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        self._loop.close()

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Let the loop do some work; the future fails with `CommandRejected` where the engine stops."""
        with self._door:
            if not self._stopping:
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        refused: Future[T] = Future()
        refused.set_exception(CommandRejected(STOPPING))
        return refused

    async def _begin(self) -> None:
        self._driver = RunDriver(
            self._store,
            self._performers,
            self._clock,
            self.id,
            self.saga,
            count=self._count,
            outages=self._outages,
        )
        self._mail = Mail(self._store, self.id, self._carry_out, self._driver.after)
        self._beat()
        if self._adopt:
            await self._take_over()
            self._chores.append(self._loop.create_task(self._every(AUDIT_S, self._runs.after.look)))
        self._chores.append(self._loop.create_task(self._every(self._alive_s / 5, self._take_over)))
        self._chores.append(self._loop.create_task(self._every(INBOX_S, self._post.read)))
        self._chores.append(self._loop.create_task(self._every(self._beat_s, self._beat_later)))

    async def _end(self) -> None:
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self._post.stop()
        await self._runs.stop()
        for performer in self._performers.values():
            close = getattr(performer, "close", None)
            if close is not None:
                await close()

    async def _every(self, pause_s: float, chore: Any) -> None:
        while True:
            await asyncio.sleep(pause_s)
            try:
                await chore()
            except asyncio.CancelledError:
                raise
            except DatabaseMoved:
                self._runs.let_go()  # whoever opened the other one drives them
            except Unavailable:
                log.debug("a chore of the engine waits for the database", exc_info=True)  # the store says so
            except Exception:
                if not threading.main_thread().is_alive():
                    return  # the process is ending around us
                log.exception("a chore of the engine failed; it is tried again in %s s", pause_s)

    def _beat(self) -> None:
        self._store.beat(
            Driver(id=self.id, host=socket.gethostname(), pid=os.getpid(), beat_at=self._clock.now())
        )

    async def _beat_later(self) -> None:
        await asyncio.to_thread(self._beat)

    async def _take_over(self) -> None:
        """Drive the open runs whose driver is gone (R34), and load those of ours again that were put aside."""
        aside = self._unloaded | self._runs.lost
        if not (self._adopt or aside):
            return
        alive = await asyncio.to_thread(self._alive)
        orphans = await asyncio.to_thread(self._store.orphans, alive) if self._adopt else []
        for run_id in dict.fromkeys((*orphans, *sorted(aside))):
            await self._claim(run_id, alive)

    def _is_elsewhere(self, run_id: str) -> bool:
        """Return whether another engine that was alive a moment ago has a run; whoever asks often asks the store little."""
        driver = self._store.driver_of(run_id)
        if driver is None or driver == self.id:
            return False
        if driver not in self._seen_alive or time.monotonic() > self._seen_at + GLANCE_S:
            self._seen_alive, self._seen_at = frozenset(self._alive()), time.monotonic()
        return driver in self._seen_alive

    def _alive(self) -> list[str]:
        found = living(self._store.drivers(), self._clock.now(), self._alive_s)
        return [driver.id for driver in found]

    async def _claim(self, run_id: str, alive: list[str]) -> bool:
        ours = self._runs.drives(run_id) or await asyncio.to_thread(self._store.claim, run_id, self.id, alive)
        self._runs.lost.discard(run_id)
        if self._runs.drives(run_id):
            return True
        if not ours:
            self._unloaded.discard(run_id)
            return False
        try:
            run = await asyncio.to_thread(self._runs.load, run_id)
            if run is not None and not run.is_closed and not self._runs.drives(run_id):
                self._runs.adopt(run)
            self._unloaded.discard(run_id)
        except Exception:  # whatever is wrong with one run must not hold the others up
            if run_id not in self._unloaded:
                log.exception(
                    "run %s can't be loaded; it is tried again and again, the other runs go on", run_id
                )
            self._unloaded.add(run_id)
        return True

    async def _submit(self, run_id: str, command: AnyCommand) -> None:
        """Apply a command to a run that is, or can be, driven here; else leave it for the engine that has it."""
        while await self._drives(run_id):
            with contextlib.suppress(Conflict):  # another driver has the run, and nothing of this was stored
                await self._apply(run_id, command)
                return
        await self._post.send(run_id, command)

    async def _carry_out(self, posted: Posted) -> None:
        """Apply what was posted for this engine; never post it anew, or it would count twice (L29).

        Raises:
            Conflict: if it is another driver's by now, or was answered.
            Unavailable: if the run can't be loaded now.
        """
        if posted.run_id in self._unloaded:
            raise Unavailable(f"run '{posted.run_id}' can't be loaded now")
        if not await self._drives(posted.run_id):
            raise Conflict(f"run '{posted.run_id}' is not driven here any more")
        await self._apply(posted.run_id, posted.command, posted.id)

    async def _apply(self, run_id: str, command: AnyCommand, posted: str = "") -> None:
        stored = self._runs.command(run_id, command, posted)
        if stored is not None:
            await asyncio.wrap_future(stored)

    async def _drives(self, run_id: str) -> bool:
        """Return whether an open run is driven here, from now on if nobody who is alive has it.

        Raises:
            CommandRejected: if there is no such run, or it has ended.
        """
        if self._runs.drives(run_id):
            return True
        if await asyncio.to_thread(self._is_elsewhere, run_id):
            return False
        row = await asyncio.to_thread(self._store.row, run_id)
        if row is None:
            raise CommandRejected(f"there is no run '{run_id}'; `saga runs` lists them")
        if row.ended_at is not None:
            raise CommandRejected(f"run '{run_id}' has ended ({row.status}); start a new one")
        await self._claim(run_id, await asyncio.to_thread(self._alive))
        return self._runs.drives(run_id)
