"""One run through the real runtime: the real driver and store on a loop with virtual time, killed at will.

The calls act on the same world as in `story`, and the same laws judge what is left in the store.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Any

from engine.core import commands as c
from engine.core.document import saga_from_document
from engine.core.errors import CommandRejected, SagaError
from engine.core.events import RECORDED, AttemptIntended, Recorded
from engine.core.evolve import evolve, replay
from engine.core.run import Run
from engine.core.saga import Saga
from engine.memory import MemoryStore
from engine.ports import Call, Change, Outcome
from engine.projection import project
from engine.rehearsal.people import AUTHOR, STARTER, People, Told
from engine.rehearsal.story import T0
from engine.rehearsal.tape import Tape
from engine.rehearsal.verdict import Violation, expect
from engine.rehearsal.virtual import Stuck, VirtualClock, VirtualLoop
from engine.rehearsal.world import Weather, World
from engine.runtime.driver import RunDriver

RUN = "r"
MAX_LOOKS = 400
PAUSE_S = 60.0
"""How long people wait between two sensible things: long enough for every call to have ended."""


class Killed(Exception):
    """The engine's process died here."""


class SlowDisk(MemoryStore):
    """A store whose commits take time, one after the other; what is under way when the engine dies is lost."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self._tape = tape
        self._queue: deque[tuple[Change, Future[None]]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._free_at = 0.0

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin with the loop of a new process: what the last one had not committed is gone."""
        self._queue.clear()
        self._loop, self._free_at = loop, loop.time()

    def append(self, change: Change) -> Future[None]:
        """Store a transition, now or after those before it."""
        assert self._loop is not None
        wait_s = self._tape.pick([0, 0, 0.01, 0, 1])
        if not wait_s and not self._queue:
            return super().append(change)
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        self._queue.append((change, future))
        self._free_at = max(self._free_at, self._loop.time()) + wait_s
        self._loop.call_at(self._free_at, self._commit)
        return future

    def _commit(self) -> None:
        change, future = self._queue.popleft()
        refused = super().append(change).exception()
        future.set_exception(refused) if refused else future.set_result(None)


class Stage:
    """A run, its drivers one after the other, its world and its people, driven by one tape."""

    def __init__(self, saga: Saga, tape: Tape, weather: Weather | None = None) -> None:
        self.saga, self.tape = saga, tape
        self.world = World(saga, weather or Weather())
        self.people = People(self)
        self.store = SlowDisk(tape)
        self.checked: Counter[str] = Counter()
        self.told, self.log, self.lines = list[Told](), list[Recorded](), list[bytes]()
        self.crashes = self._drivers = self._looks = 0
        self._kill_in = 0
        self._elapsed_s = 0.0
        self._view = Run(saga)
        self._broken: BaseException | None = None
        self._old: list[Recorded] = []
        self._clock: VirtualClock
        self._driver: RunDriver

    # What people and laws see

    @property
    def run(self) -> Run:
        """The run as the store has it."""
        for recorded in self.store.history(RUN, after=self._view.seq):
            evolve(self._view, recorded)
        return self._view

    @property
    def now(self) -> datetime:
        """The virtual time."""
        return self._clock.now()

    def let_pass(self, seconds: float) -> None:
        """Do nothing: people on a stage pause between two acts, not within one."""

    def send(self, command: c.Command, by_hand: Callable[[], None] | None = None) -> bool:
        """Send a command to the driver; what is done by hand is done once the command is stored."""
        if not self._driver.drives(RUN):
            return False
        self.told.append(Told(self.now, self.run.seq, command))
        try:
            stored = self._driver.command(RUN, command)
        except CommandRejected as refused:
            self.told[-1].refused = str(refused)
            return False
        if isinstance(command, c.Amend):
            self.world.know(saga_from_document(command.document))
        if by_hand is not None and stored is not None:
            stored.add_done_callback(lambda done: done.exception() or by_hand())
        return True

    # Lives

    def play(self) -> Stage:
        """Run to the end, through as many lives of the engine as it takes; return self for the judge.

        Raises:
            Violation: of a law that is checked on the way.
        """
        try:
            while not self.run.is_closed:
                self._live()
        finally:
            self.log = self.store.history(RUN)
            self.lines = [RECORDED.dump_json(recorded) for recorded in self.log]
        self._check_row()
        self.checked["L01"] += 1
        return self

    def _live(self) -> None:
        self._kill_in = self.tape.pick([0, 1, 2, 4]) * self.tape.below(60)
        loop = VirtualLoop(self._elapsed_s, self._step)
        loop.set_exception_handler(self._break)
        self._clock = VirtualClock(loop, T0)
        self.store.attach(loop)
        try:
            loop.run_until_complete(self._direct())
        except Killed:
            self.crashes += 1
        except Stuck as stuck:
            raise Violation("L01", str(stuck)) from None
        finally:
            self._elapsed_s = loop.time()
            loop.set_exception_handler(lambda *_: None)
            for task in asyncio.all_tasks(loop):
                with contextlib.suppress(RuntimeError):
                    task.get_coro().close()
            loop.close()

    def _step(self) -> None:
        """Die between two steps of the loop, once the count says so."""
        if self._kill_in:
            self._kill_in -= 1
            if not self._kill_in:
                raise Killed

    def _break(self, _loop: object, context: dict[str, Any]) -> None:
        self._broken = context.get("exception")

    async def _direct(self) -> None:
        """Let people meddle while the tape lasts, then help, until the run has ended."""
        self._take_over()
        while not self.run.is_closed:
            self._looks += 1
            expect(self._looks < MAX_LOOKS, "L01", f"no end in sight after {MAX_LOOKS} looks")
            quiet = self.tape.used_up
            await asyncio.sleep(PAUSE_S if quiet else self.tape.pick([1, 0.1, 5, 20]))
            if self._broken is not None:
                raise Violation("L01", f"the runtime broke: {self._broken!r}")
            if self.run.is_closed:
                return
            if not self.run.seq:
                continue  # its start is still on its way to the disk
            if quiet:
                self.people.help()
            elif self.tape.often(40):
                self.people.meddle()
            elif self.tape.often(10):
                self._take_over()
            if not self._driver.drives(RUN) and not self.run.is_closed:
                self._take_over()

    def _take_over(self) -> None:
        """Let a new driver have the run; an old one that lives on finds out at its next write (L32, R34)."""
        old = getattr(self, "_driver", None)
        if self._drivers and old is not None and old.drives(RUN):
            self.checked["L32"] += 1
        self._drivers += 1
        name = f"driver-{self._drivers}"
        performers = dict.fromkeys(
            ("python", "http", "route", "llm", "judge", "check", "planner", "solver"), _Target(self)
        )
        self._driver = RunDriver(self.store, performers, self._clock, name, lambda _: self.saga)
        if not self.store.history(RUN, limit=1):
            self._driver.begin(self.saga, c.Start(run_id=RUN, input={}, by=STARTER, author=AUTHOR), RUN)
            return
        self.store.claim(RUN, name, [])
        stored = self.store.history(RUN)
        self.checked["L19"] += 1
        expect(stored[: len(self._old)] == self._old, "L19", "the store gave another past than before")
        self._old = stored
        run = self._driver.load(RUN)
        assert run is not None
        if not run.is_closed:
            self.told.append(Told(self.now, run.seq, c.Recover(by=name)))
            with contextlib.suppress(SagaError):
                self._driver.adopt(run)

    def _check_row(self) -> None:
        self.checked["L08"] += 1
        row = project(replay(self.saga, self.log))
        expect(
            row.saga_hash == self.saga.hash, "L08", "the row names another version than the run is pinned to"
        )
        expect(row == self.store.row(RUN), "L08", "the stored row is not what the log gives")


class _Target:
    """Whoever a call goes to: the world, with a way there and a way back, both of which take time."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def perform(self, call: Call) -> Outcome:
        """Let the call arrive, and wait for an answer that may never come."""
        try:
            return await self._exchange(call)
        finally:
            self._stage.world.given_up(call.step_id, self._stage.now)

    async def _exchange(self, call: Call) -> Outcome:
        stage, tape = self._stage, self._stage.tape
        until = stage.now + timedelta(seconds=call.timeout_s)
        intent = AttemptIntended(
            step=call.step_id, phase=call.phase, epoch=1, attempt=call.attempt, key=call.key, request=call.request,
            request_hash="", deadline=until,
        )  # fmt: skip
        if call.step is not None:
            stage.world.steps[call.step_id] = call.step
        stage.world.begun(call.key, stage.now)
        await asyncio.sleep(tape.pick([0.1, 0, 1, 4]))
        stage.world.passes(stage.now)
        said = stage.world.call(intent, stage.now, until, tape)
        await asyncio.sleep(tape.pick([0, 0.1, 2]))
        if said.code == "timeout":
            await asyncio.sleep(tape.pick([2, 0]) * call.timeout_s)
            raise ConnectionResetError("the connection was lost after sending")
        return Outcome(
            outcome=said.outcome, output=said.output, error=said.error, retryable=said.retryable,
            empty=said.empty, meta=said.meta,
        )  # fmt: skip
