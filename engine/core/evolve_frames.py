"""The fold of composite steps: frames that open and end, rounds, and what a repair leaves of them (R35, R36)."""

from __future__ import annotations

from collections.abc import Collection

from engine.core import events as e
from engine.core.attempt import BY_HAND, Late
from engine.core.composites import SagaStep
from engine.core.evolve_calls import Handlers, take_output
from engine.core.frame_queue import admit, frame_dropped
from engine.core.frames import Frame, Frames, frame_id, steps_in
from engine.core.late_queue import await_undo
from engine.core.queues import activate
from engine.core.run import SETTLED, Run, StepState
from engine.core.saga import bodies_of, effect_of

EVENTS_PER_STEP = 20


def _frames_opened(run: Run, _recorded: e.Recorded, event: e.FramesOpened) -> None:
    step = run.step(event.step)
    if step.status == "ready":
        if step.approval is not None and step.approval.status == "approved":
            step.approval.status = "consumed"
        activate(run, step, "waiting")
    frames = run.composites.setdefault(
        step.id, Frames(event.concurrency, only_after_good=event.only_after_good)
    )
    frames.concurrency = event.concurrency
    run.turning.pop(step.id, None)
    for spec in event.frames:
        frame = _frame(run, step, spec)
        run.frames[frame.id] = frame
        frames.ids.append(frame.id)
        frames.waiting[frame.id] = None
        run.expected += len(frame.plan.steps) * EVENTS_PER_STEP
    admit(run, step.id)


def _frame(run: Run, step: StepState, spec: e.FrameOpened) -> Frame:
    plan = bodies_of(step.definition)[spec.body]
    around = run.frames.get(step.frame)
    values = spec.values if around is None else {**around.values, **spec.values}
    frame = Frame(frame_id(step.id, spec.name), spec.name, step.id, spec.body, plan, values, after=spec.after)
    if isinstance(step.definition, SagaStep):
        outer = run.facts if around is None or around.facts is None else around.facts
        frame.values, frame.app = {}, dict(plan.app)
        frame.facts = {**outer, "saga": plan.saga, "input": spec.values["input"]}
    return frame


def _frame_dropped(run: Run, _recorded: e.Recorded, event: e.FrameDropped) -> None:
    """Take what a failed frame did as effects that do not count: each is undone by its own result (R25, R36)."""
    frame = run.frames[event.frame]
    if frame.status in {"waiting", "held"}:
        _bar(run, frame)
    else:
        frame.status = "dropped"
    frame.failing = event.reason
    for step in steps_in(run, frame):
        if _take_back(step):
            await_undo(run, step.id)
    frame_dropped(run, frame)


def _take_back(step: StepState) -> bool:
    """Note what a step of a dropped frame did as one effect to undo; return whether there is any."""
    landed = [attempt.number for attempt in step.own_attempts if attempt.surely_landed]
    if effect_of(step.definition) == "readonly" or not (landed or step.by_hand):
        return False
    told = [Late(number, step.told, "settled", before=len(step.late_undos)) for number in landed]
    if step.by_hand:
        told.append(Late(BY_HAND, step.told, before=len(step.late_undos)))
        step.by_hand = 0
    told[-1].status = "to_undo"
    step.lates += tuple(told)
    return True


def _round_ended(run: Run, _recorded: e.Recorded, event: e.RoundEnded) -> None:
    run.composites[event.step].rounds.append(event)


def _gathered(run: Run, _recorded: e.Recorded, event: e.Gathered) -> None:
    step = run.step(event.step)
    run.turning.pop(step.id, None)
    step.move("validating")
    take_output(run, step, event.output)
    if event.ask:
        asked = e.VerdictGiven(
            step=step.id, attempt=0, validator="the loop", verdict="ask", evidence=event.ask, kind="loop",
            check="constraint", tier="intra",
        )  # fmt: skip
        step.verdicts += (asked,)


def renew_frames(run: Run, redone: Collection[str]) -> None:
    """Bring the frames of what is done anew in line: new ones where the composite begins again, else those that were touched."""
    for name in [name for name in run.composites if name in redone]:
        if name not in run.composites:
            continue  # it went with the one that it stood in
        step, frames = run.steps[name], run.composites[name]
        _unbar(run, frames)
        anew = [f for f in frames.ids if run.frames[f].status != "waiting" and _is_whole(run, f, redone)]
        if len(anew) == sum(run.frames[f].status != "waiting" for f in frames.ids):
            _forget(run, frames.ids)
            del run.composites[name]
            run.turning.pop(name, None)
            continue
        if step.definition.kind in {"loop", "agent"}:
            _keep_rounds(run, frames, anew, redone)
            anew = []
        for frame in (run.frames[f] for f in anew):
            frame.status, frame.failing = "open", ""  # one that was dropped gets another try
        _resume(run, step, frames)


def _bar(run: Run, frame: Frame) -> None:
    """Take away the steps of a frame that can't begin, or not anew; nothing of what it did still counts."""
    run.unfinished -= sum(step.status not in SETTLED for step in steps_in(run, frame))
    _forget(run, [frame.id])
    frame.status = "barred"


def _unbar(run: Run, frames: Frames) -> None:
    """Let frames wait again that could not begin: what they need may go well this time."""
    for frame in (run.frames[f] for f in frames.ids):
        if frame.status == "barred":
            frame.status, frame.failing = "waiting", ""


def _is_whole(run: Run, frame: str, redone: Collection[str]) -> bool:
    """Return whether all of a frame is done anew, so that nothing of it is kept."""
    return all(one.id in redone for one in steps_in(run, run.frames[frame]))


def _keep_rounds(run: Run, frames: Frames, anew: list[str], redone: Collection[str]) -> None:
    """Keep the rounds before the first one that is done anew, and what is kept of one that is so in part."""
    ended = len(frames.ids) - len(anew)
    _forget(run, anew)
    frames.ids = frames.ids[:ended]
    in_part = any(one.id in redone for one in steps_in(run, run.frames[frames.ids[-1]]))
    frames.rounds = frames.rounds[: ended - in_part]


def _forget(run: Run, ids: Collection[str]) -> None:
    for frame_name in list(ids):
        frame = run.frames[frame_name]
        frame.status = "gone"
        for name in frame.plan.steps:
            path = f"{frame.id}.{name}"
            inner = run.composites.pop(path, None)
            if inner is not None:
                _forget(run, inner.ids)
            if path in run.steps:
                run.steps[path] = _ghost(run.steps[path])
            run.blockers.pop(path, None)
            for validator in frame.plan.validate_:
                run.boundaries.pop(f"{frame.id}.{validator.name}", None)
            for queue in (run.fresh, run.ready, run.active, run.validating, run.judging, run.turning):
                queue.pop(path, None)


def _ghost(old: StepState) -> StepState:
    """Return what stands for a step that is gone: what its calls did may still come to light (R25)."""
    return StepState(
        old.id, old.definition, old.frame, status="skipped", epoch=old.epoch, before=old.before, lates=old.lates,
        late_undos=old.late_undos, reason="what it stands in begins anew",
    )  # fmt: skip


def _resume(run: Run, step: StepState, frames: Frames) -> None:
    """Let a composite step wait for its frames again; those that were dropped stay so."""
    step.move("ready")
    activate(run, step, "waiting")
    run.turning.pop(step.id, None)
    frames.waiting = {f: None for f in frames.ids if run.frames[f].status == "waiting"}


HANDLERS: Handlers = {
    e.FramesOpened: _frames_opened, e.FrameDropped: _frame_dropped, e.RoundEnded: _round_ended,
    e.Gathered: _gathered,
}  # fmt: skip
