"""Driving runs on one asyncio loop: turn, store, call, report. Every method runs on that loop.

1. A turn changes the run in memory and appends its events; the log is first-in first-out, so a later
   turn may build on an earlier one that is still on its way to the disk.
2. A call with an effect is made only when its intent is on disk (R1); a readonly one need not wait.
3. What follows at once from readonly calls is held back and appended together, at the latest before
   anything is waited for; a fact about an effect is never held back.
4. If the store says that somebody else has the run, it is let go: nothing more is called or recorded. So it is
   where the store gave up on a change, or a turn failed: `lost` says which runs are to be loaded again.
5. While it stops, results are recorded and nothing follows from them: whoever drives next goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from engine.core.commands import Advance, Command, Disrupt, GrantLocks, Recover, Report
from engine.core.context.tokens import ESTIMATE, TokenCounter
from engine.core.decide import decide, turn
from engine.core.disruption_kinds import OF_THE_PROCESS
from engine.core.errors import CommandRejected, SagaError
from engine.core.events import AttemptIntended, DisruptionStruck, Faulted, LocksWanted, Recorded
from engine.core.evolve import evolve, replay
from engine.core.run import Run, StepState
from engine.core.saga import Saga, effect_of
from engine.core.schedule import wake_at
from engine.ports import (
    AnswersLate,
    Call,
    Change,
    Clock,
    Conflict,
    Outcome,
    Performer,
    RunRow,
    Store,
    Unavailable,
)
from engine.projection import project
from engine.runtime.after import Aftermath, late_reports
from engine.runtime.calls import call_of, has_effect, make_call
from engine.runtime.disrupted import LateCalls
from engine.runtime.durable import Disk
from engine.runtime.outage import Outages

log = logging.getLogger(__name__)
LONGEST_SLEEP_S = 20.0
"""A timer is looked at this often at least, so that a clock that jumps is noticed (R32)."""
STOP_GRACE_S = 3.0
"""How long a stop waits for open calls, so that what they did is known to whoever comes next."""
STOP_STORE_S = 2.0
"""How long it waits for what they did to be stored."""

BURST = 32
"""How many calls a task makes in a row before other runs have their turn."""

FIRST_ASK_S, LAST_ASK_S = 0.05, 1.0
"""How long it waits before it asks again for locks that others hold; the pause doubles."""
STOPPING = "the engine is stopping; try again when it is up"
"""Why an engine takes nothing more."""

CallId = tuple[str, str, int]


class Announced(NamedTuple):
    """A call whose intent is recorded, and whether it may change the outside."""

    intent: AttemptIntended
    at: datetime
    effect: bool


def _id(intent: AttemptIntended) -> CallId:
    return intent.step, intent.phase, intent.attempt


@dataclass(slots=True)
class Live:
    """A run that this driver drives, with its open calls, its timer, and the events that are held back."""

    run: Run
    calls: dict[CallId, asyncio.Task[None]] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None
    stored: Future[None] | None = None
    row: RunRow | None = None
    held: list[Recorded] = field(default_factory=list)
    waits: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    faulted: bool = False


class RunDriver:
    """The runs of one driver. Made and used on its loop only.

    Attributes:
        lost: the runs that were let go before their end; whoever still has them in the store loads them again.
    """

    def __init__(
        self,
        store: Store,
        performers: Mapping[str, Performer],
        clock: Clock,
        driver: str,
        saga_of: Callable[[str], Saga],
        *,
        count: TokenCounter = ESTIMATE,
        outages: Outages | None = None,
    ) -> None:
        self._store = store
        self._performers = performers
        self._clock = clock
        self._driver = driver
        self._saga_of = saga_of
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._live: dict[str, Live] = {}
        self.lost: set[str] = set()
        self._disk = Disk(self._loop)
        self._stopping = False
        self._outages = outages or Outages(store)
        self._later = LateCalls(clock, self.answer_late)
        self._after = Aftermath(store, performers, clock, self.load)
        for performer in performers.values():
            if isinstance(performer, AnswersLate):
                performer.late = self.answer_late

    @property
    def after(self) -> Aftermath:
        """What hands late answers on and looks once more after the end."""
        return self._after

    @property
    def live(self) -> list[str]:
        """The ids of the runs that are driven here."""
        return list(self._live)

    def adopt(self, run: Run) -> None:
        """Drive a run that has begun already; calls that its last driver left open become unknown (R3)."""
        run.count = self._count
        live = self._live[run.id] = Live(run)
        waiting = [name for name in run.active if run.steps[name].status == "awaiting_locks"]
        self._turn(live, Recover())
        for name in waiting:
            self._wait_for_locks(live, name)

    def begin(self, saga: Saga, start: Command, run_id: str) -> Future[None]:
        """Begin a run; the future is done when that is stored.

        Raises:
            CommandRejected: if the inputs do not fit, or the driver stops.
        """
        self._refuse_if_stopping()
        live = Live(Run(saga, count=self._count))
        stored = self._turn(live, start)
        assert stored is not None
        if not live.run.is_closed:
            self._live[run_id] = live
        return stored

    def load(self, run_id: str) -> Run | None:
        """Return a run folded from the store, or None for an unknown one."""
        row = self._store.row(run_id)
        return None if row is None else replay(self._saga_of(row.saga_hash), self._store.history(run_id))

    def drives(self, run_id: str) -> bool:
        """Return whether the run is driven here."""
        return run_id in self._live

    def command(self, run_id: str, command: Command, posted: str = "") -> Future[None] | None:
        """Apply a command to a run that is driven here; the future is done when it is stored.

        If it was `posted`, under this id, its facts are stored together with its answer (L29).

        Raises:
            CommandRejected: if the run's state forbids it, or the driver stops.
        """
        self._refuse_if_stopping()
        if isinstance(command, Disrupt):
            self._outages.refuse(command.what)
        return self._turn(self._live[run_id], command, posted)

    def let_go(self) -> None:
        """Drive nothing any more: calls are cut off, and nothing is recorded of them."""
        for run_id in self.live:
            self._let_go(run_id)

    async def stop(self) -> None:
        """Stop driving: calls that end soon are recorded, the others will be unknown to whoever comes next (R3)."""
        self._stopping = True
        for live in self._live.values():
            self._set_timer(live, None)
            for wait in live.waits.values():
                wait.cancel()
        await self._later.stop()
        tasks = [task for live in self._live.values() for task in live.calls.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_GRACE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        stored = [asyncio.wrap_future(live.stored) for live in self._live.values() if live.stored is not None]
        if stored:
            await asyncio.wait(stored, timeout=STOP_STORE_S)
        self._live.clear()

    def _wait_for_locks(self, live: Live, name: str) -> None:
        live.waits[name] = self._loop.create_task(self._take_locks(live, name))

    async def _take_locks(self, live: Live, name: str) -> None:
        """Ask for what a step locks until the run has it, or the step no longer waits for it (R37)."""
        step, pause_s = live.run.steps[name], FIRST_ASK_S
        while self._live.get(live.run.id, live) is live and _waits_for_locks(live.run, step):
            with contextlib.suppress(Unavailable):
                if await asyncio.to_thread(self._store.acquire, live.run.id, step.wanted):
                    live.waits.pop(name, None)
                    with contextlib.suppress(CommandRejected):  # it no longer waits
                        self._turn(live, GrantLocks(by="engine", step=name))
                    return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LAST_ASK_S)

    def _refuse_if_stopping(self) -> None:
        if self._stopping:
            raise CommandRejected(STOPPING)

    def _turn(self, live: Live, command: Command, posted: str = "") -> Future[None] | None:
        """Let the core decide, append what it recorded, and start the calls that it intends."""
        self._start(live, self._decide(live, command, posted=posted))
        return live.stored

    def _decide(
        self, live: Live, command: Command, *, may_hold: bool = False, posted: str = ""
    ) -> list[Announced]:
        """Let the core decide, append what it recorded, and return the calls that it intends.

        With `may_hold` the appending is left to the caller where all that comes next is readonly.
        """
        run = live.run
        try:
            recorded = (_only if self._stopping else turn)(run, command, self._clock.now())
        except CommandRejected:
            raise
        except Exception:
            log.exception(
                "run %s: a turn failed on %s; the run is put aside until it is loaded again", run.id, command
            )
            self._put_aside(live)
            raise
        live.held += recorded
        calls: list[Announced] = []
        for entry in recorded:
            event = entry.event
            if isinstance(event, AttemptIntended):
                effect = has_effect(run, event)
                may_hold = may_hold and not effect
                if _id(event) in run.open_calls:
                    calls.append(Announced(event, entry.at, effect))
            elif isinstance(event, LocksWanted):
                self._wait_for_locks(live, event.step)
            live.faulted = live.faulted or event.type == "faulted"
        if not (may_hold and calls):
            self._append(live, posted)
        if run.standing:
            self._strike_process(live, recorded)
        return calls

    def _strike_process(self, live: Live, recorded: Sequence[Recorded]) -> None:
        """Let a disruption of the process happen, once it is on disk."""
        for entry in recorded:
            if not isinstance(entry.event, DisruptionStruck):
                continue
            what = live.run.standing[entry.event.disruption].known.what
            if isinstance(what, OF_THE_PROCESS):
                self._append(live)
                if live.stored is not None:
                    live.stored.add_done_callback(partial(self._struck, what))

    def _struck(self, what: object, stored: Future[None]) -> None:
        if not stored.cancelled() and stored.exception() is None:
            self._outages.strike(what)

    def _append(self, live: Live, posted: str = "") -> None:
        """Hand over what is held back, and set the timer or, at the end, let go."""
        run = live.run
        moment = self._hand_over(live, posted).wake_at if live.held else wake_at(run)
        if run.is_closed:
            self._let_go(run.id)
        else:
            self._set_timer(live, moment)

    def _hand_over(self, live: Live, posted: str) -> RunRow:
        run = live.run
        try:
            row = live.row = project(run, live.row)
            change = Change(
                run_id=run.id,
                driver=self._driver,
                expected_seq=live.held[0].seq - 1,
                events=tuple(live.held),
                row=row,
                posted=posted,
            )
            live.stored = self._store.append(change)
        except Exception:  # memory is ahead of the log now, whatever the reason: it has to be loaded again
            log.exception("run %s: nothing can be handed to the store; it is put aside", run.id)
            self._put_aside(live)
            raise
        live.held.clear()
        live.stored.add_done_callback(lambda done: self._stored(live, change, done))
        return row

    def _stored(self, live: Live, change: Change, done: Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is None or self._loop.is_closed():
            return
        if not isinstance(error, Conflict):
            log.error("run %s: the store gave up: %s", live.run.id, error)
        self._loop.call_soon_threadsafe(self._lose, live, change)

    def _lose(self, live: Live, change: Change) -> None:
        """Put aside a run whose log went another way, and tell who drives it of results that came too late (R34)."""
        self._put_aside(live)
        for report in late_reports(live.run, change.events):
            self._after.pass_on(live.run.id, report)

    def _put_aside(self, live: Live) -> None:
        """Let go of a run that is to be loaded again, if it has not been by now."""
        run_id = live.run.id
        if self._live.get(run_id, live) is live:
            self._let_go(run_id)
            self.lost.add(run_id)

    def answer_late(self, call: Call, outcome: Outcome) -> None:
        """Take the answer of a call that had been given up: what landed is a fact (R25). Safe in threads."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take_late, call, outcome)

    def _take_late(self, call: Call, outcome: Outcome) -> None:
        step = call.step_id
        report = Report(by="engine", step=step, phase=call.phase, attempt=call.attempt, **_told(outcome))
        live = self._live.get(call.run_id)
        if live is None or self._stopping:
            self._after.pass_on(call.run_id, report)
            return
        try:
            self._turn(live, report)
        except SagaError as refused:
            log.info("run %s: a late answer of '%s' changes nothing: %s", call.run_id, step, refused)

    def _let_go(self, run_id: str) -> None:
        live = self._live.pop(run_id, None)
        if live is None:
            return
        if live.timer is not None:
            live.timer.cancel()
        for task in (*live.calls.values(), *live.waits.values()):
            if task is not asyncio.current_task():
                task.cancel()

    def _release(self, live: Live) -> None:
        if live.held:
            self._append(live)

    def _start(self, live: Live, calls: Sequence[Announced]) -> None:
        """Give each call a task; after a fault, stop what is readonly, but not before it began: it reports."""
        for call in calls:
            live.calls[_id(call.intent)] = self._loop.create_task(self._work(live, call, live.stored))
        if live.faulted:
            live.faulted = False
            self._loop.call_soon(self._ask_to_stop, live, live.run.fault)

    def _ask_to_stop(self, live: Live, fault: Faulted | None) -> None:
        """Cut readonly calls short after a fault: nothing of theirs needs to be waited for (R14)."""
        if fault is None or live.run.fault is not fault:
            return  # the run goes forward again, or went and met the next one: what began since must begin first
        for (step, phase, _), task in live.calls.items():
            readonly = phase == "forward" and effect_of(live.run.steps[step].definition) == "readonly"
            if phase in {"check", "plan"} or readonly:
                task.cancel()

    async def _work(self, live: Live, call: Announced, stored: Future[None] | None) -> None:
        """Make a call and report it, and again with a call that follows from that; others get their own task."""
        task = asyncio.current_task()
        assert task is not None
        for made in count(1):
            facts = await self._call(live, call, stored)
            if facts is None or self._live.get(live.run.id) is not live:
                return
            calls = self._report(live, call, facts)
            more = bool(calls) and made < BURST and not task.cancelling()
            self._start(live, calls[more:])
            if not more:
                self._release(live)
                return
            call, stored = calls[0], live.stored
            live.calls[_id(call.intent)] = task

    async def _call(self, live: Live, call: Announced, stored: Future[None] | None) -> dict[str, Any] | None:
        intent = call.intent
        made = call_of(live.run, intent, (intent.deadline - call.at).total_seconds())
        try:
            if call.effect and not await self._disk.has(stored):
                return None
            outcome = await make_call(
                self._performers,
                made,
                intent,
                self._clock,
                effect=call.effect,
                waits=lambda: self._release(live),
                later=self._later,
            )
            return _told(outcome)
        except asyncio.CancelledError:
            if self._stopping or call.effect or self._live.get(live.run.id) is not live:
                raise
            return {
                "outcome": "failed",
                "error": "stopped: the run is going back",
                "code": "stopped",
                "retryable": False,
            }
        finally:
            live.calls.pop(_id(intent), None)

    def _report(self, live: Live, call: Announced, facts: dict[str, Any]) -> list[Announced]:
        intent = call.intent
        report = Report(by="engine", step=intent.step, phase=intent.phase, attempt=intent.attempt, **facts)
        try:
            return self._decide(live, report, may_hold=not call.effect)
        except SagaError as refused:
            log.warning("run %s: a result of '%s' was refused: %s", live.run.id, intent.step, refused)
            return []

    def _set_timer(self, live: Live, moment: datetime | None) -> None:
        if live.timer is not None:
            live.timer.cancel()
            live.timer = None
        if moment is not None and not self._stopping:
            wait_s = (moment - self._clock.now()).total_seconds()
            wait_s = min(max(wait_s, 0.001), LONGEST_SLEEP_S)
            live.timer = self._loop.call_later(wait_s, self._wake, live.run.id)

    def _wake(self, run_id: str) -> None:
        live = self._live.get(run_id)
        if live is not None:
            live.timer = None
            self._turn(live, Advance())


def _told(outcome: Outcome) -> dict[str, Any]:
    """Return what a performer said; what it left out is as the fact has it."""
    facts = vars(outcome)
    return {name: facts[name] for name in outcome.model_fields_set}


def _waits_for_locks(run: Run, step: StepState) -> bool:
    """Return whether a step still waits; one that a repair began anew asks anew."""
    return step.status == "awaiting_locks" and run.steps.get(step.id) is step


def _only(run: Run, command: Command, now: datetime) -> list[Recorded]:
    """Apply a command and nothing that follows from it; a run may be left between any two events."""
    recorded = []
    for event in decide(run, command, now):
        recorded.append(Recorded(seq=run.seq + 1, at=now, event=event))
        evolve(run, recorded[-1])
    return recorded
