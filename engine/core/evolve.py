"""The fold: how each fact changes the state of a run (R31). Reads no clock, no randomness, no disk.

A fact that the state machines do not allow raises `IllegalTransition`: the log is wrong, not the world.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from engine.core import events as e
from engine.core.errors import IllegalTransition
from engine.core.evolve_calls import HANDLERS as CALLS
from engine.core.evolve_calls import Handlers
from engine.core.evolve_disrupt import HANDLERS as DISRUPT
from engine.core.evolve_frames import HANDLERS as FRAMES
from engine.core.evolve_repair import HANDLERS as REPAIR
from engine.core.evolve_repair import begin_repair, go_past_limit
from engine.core.evolve_replan import HANDLERS as REPLAN
from engine.core.evolve_replan import end_planning
from engine.core.evolve_steps import HANDLERS as STEPS
from engine.core.evolve_time import HANDLERS as TIME
from engine.core.evolve_time import keep_time, set_up_clock
from engine.core.evolve_verdicts import HANDLERS as VERDICTS
from engine.core.queues import plan_undo
from engine.core.run import Run, StepState, StepStatus
from engine.core.saga import Saga

NO_LIMIT = 1e18
"""Past the pivot a run is driven to its end whatever it costs."""
WITHDRAWN_BY_UNDO: frozenset[StepStatus] = frozenset(
    {"pending", "ready", "awaiting_approval", "awaiting_locks", "waiting", "retry_wait", "validating"}
)


def replay(saga: Saga, history: Iterable[e.Recorded]) -> Run:
    """Return the run that the events add up to; any prefix gives a past moment.

    Raises:
        IllegalTransition: if the events have a gap or contradict the state machines.
    """
    run = Run(saga)
    for recorded in history:
        evolve(run, recorded)
    return run


def evolve(run: Run, recorded: e.Recorded) -> None:
    """Change the run by one recorded fact.

    Raises:
        IllegalTransition: if it comes out of turn; the run is then no longer to be used.
    """
    event = recorded.event
    if recorded.seq != run.seq + 1:
        raise IllegalTransition(f"run '{run.id}': event {recorded.seq} after event {run.seq}")
    if run.is_closed:
        raise IllegalTransition(f"run '{run.id}' is {run.status}; it takes no {event.type}")
    if run.seq == 0 and event.type != "run_started":
        raise IllegalTransition(f"a log begins with run_started, not {event.type}")
    HANDLERS[type(event)](run, recorded, event)
    if run.clock is not None:
        keep_time(run, run.clock, recorded)
    run.seq, run.updated_at = recorded.seq, recorded.at
    if event.type in e.CLOSING:
        run.ended_at = recorded.at


def _run_started(run: Run, recorded: e.Recorded, event: e.RunStarted) -> None:
    if event.saga_hash != run.saga.hash:
        pinned, given = event.saga_hash[:12], run.saga.hash[:12]
        raise IllegalTransition(f"run '{event.run_id}' is pinned to version {pinned}, not {given} (R30)")
    graph = run.saga.graph
    run.id, run.input, run.started_at = event.run_id, event.input, recorded.at
    run.starter, run.author, run.lessons = event.by, event.author, event.lessons
    run.known_before, run.memory = event.memory, {name: known.value for name, known in event.memory.items()}
    run.app = dict(run.saga.app)
    run.assumed = {one.name: one.value for one in run.saga.assumptions}
    run.facts = {
        "id": run.id, "saga": run.saga.saga, "input": run.input, "by": run.starter,
        "started_at": recorded.at.isoformat(),
    }  # fmt: skip
    run.steps = {name: StepState(name, step) for name, step in run.saga.steps.items()}
    run.blockers = {name: len(needed) for name, needed in graph.needs.items() if needed}
    run.unfinished = len(run.steps)
    run.fresh = dict.fromkeys(graph.roots)
    run.clock = set_up_clock(run, recorded.at)


def _run_paused(run: Run, _recorded: e.Recorded, _event: e.RunPaused) -> None:
    run.paused = True


def _run_resumed(run: Run, _recorded: e.Recorded, _event: e.RunResumed) -> None:
    run.paused = False


def _faulted(run: Run, _recorded: e.Recorded, event: e.Faulted) -> None:
    run.move("draining")
    run.fault, run.upset = event, ""
    run.faults.append(event)
    end_planning(run)
    for asked in chain(run.attention.values(), *run.behind.values()):
        if asked.kind == "verdict":
            run.validating[asked.step] = None
    _forget_questions(run)
    if run.limit is not None and run.limit.response != "stop":
        run.limit = None


def _forget_questions(run: Run) -> None:
    """Drop what people were asked about steps: it is asked again where it still matters."""
    run.attention.clear()
    run.behind.clear()


def _noted(run: Run, _recorded: e.Recorded, event: e.Noted) -> None:
    run.notes.append(event)


def _direction_asked(run: Run, _recorded: e.Recorded, _event: e.DirectionAsked) -> None:
    run.direction_asked = True
    if run.status != "needs_attention":
        run.move("needs_attention")


def _direction_chosen(run: Run, _recorded: e.Recorded, event: e.DirectionChosen) -> None:
    run.direction_asked = False
    _forget_questions(run)
    if event.direction == "forward":
        _go_forward(run)
    elif event.direction == "repair":
        begin_repair(run, event)
    else:
        _go_back(run, event)


def _go_forward(run: Run) -> None:
    run.fault = None
    go_past_limit(run)
    for step in run.steps.values():
        if step.status == "withdrawn":
            step.move("pending")
            run.fresh[step.id] = None
    stuck = any(step.status == "failed" for step in run.steps.values())
    if run.status != "needs_attention" or not stuck:
        run.move("needs_attention" if stuck else "running")


def _go_back(run: Run, event: e.DirectionChosen) -> None:
    run.direction, run.repair = "undo", None
    plan_undo(run, event.plan)
    for step in run.steps.values():
        if step.status in WITHDRAWN_BY_UNDO:
            step.move("withdrawn")
    run.fresh, run.ready, run.active, run.boundaries, run.turning = {}, {}, {}, {}, {}
    run.validating, run.judging = {}, {}  # what nobody has checked does not count
    run.move("compensating")


def _run_completed(run: Run, _recorded: e.Recorded, event: e.RunCompleted) -> None:
    run.move("completed")
    run.output, run.remembers = event.output, event.remembers


def _run_compensated(run: Run, _recorded: e.Recorded, event: e.RunCompensated) -> None:
    run.move("compensated_with_exceptions" if event.exceptions else "compensated")


def _run_abandoned(run: Run, _recorded: e.Recorded, event: e.RunAbandoned) -> None:
    run.move("abandoned")
    run.left_behind = event.left_behind


def _limit_reached(run: Run, _recorded: e.Recorded, event: e.LimitReached) -> None:
    if event.response == "note":
        run.allowed[event.limit] = NO_LIMIT
    else:
        run.limit = event


def _limit_granted(run: Run, _recorded: e.Recorded, event: e.LimitGranted) -> None:
    run.allowed[event.limit] = event.allowed
    run.limit = None


HANDLERS: Handlers = {
    e.RunStarted: _run_started,
    e.RunPaused: _run_paused,
    e.RunResumed: _run_resumed,
    e.Faulted: _faulted,
    e.Noted: _noted,
    e.DirectionAsked: _direction_asked,
    e.DirectionChosen: _direction_chosen,
    e.RunCompleted: _run_completed,
    e.RunCompensated: _run_compensated,
    e.RunAbandoned: _run_abandoned,
    e.LimitReached: _limit_reached,
    e.LimitGranted: _limit_granted,
    **STEPS,
    **CALLS,
    **VERDICTS,
    **REPAIR,
    **FRAMES,
    **TIME,
    **DISRUPT,
    **REPLAN,
}
