"""The laws of starting, calling, asking and waiting; see `laws` for how a law is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from engine.core import events as e
from engine.core.condition import EMITTED
from engine.core.saga import effect_of, request_hash
from engine.rehearsal.evidence import Evidence
from engine.rehearsal.shape import Place, Shape
from engine.rehearsal.verdict import expect

OUTCOMES = {"failed", "timed_out", "skipped"}
THE_DEADLINE = "the deadline"
"""Who answers an approval that silence approves."""


_BEGINNINGS = (
    e.StepReady, e.WaitBegun, e.ActivityBegun, e.ApprovalRequested, e.AttemptIntended, e.FramesOpened, e.RoundEnded,
    e.Gathered,
)  # fmt: skip


class Done:
    """What had been committed or skipped up to a place in the log, with the branches that were chosen."""

    def __init__(self) -> None:
        self.over: dict[str, set[str]] = {}
        self.branch: dict[str, object] = {}
        self._output: dict[str, object] = {}
        self.emitted: dict[str, set[str]] = {}

    def add(self, event: e.Event) -> None:
        """Take the next event of the log in."""
        if isinstance(event, e.StepCommitted | e.StepFailed):
            self.emitted[event.step] = set(event.emits)
        if isinstance(event, e.Gathered) or (
            isinstance(event, e.AttemptEnded) and event.phase == "forward" and event.outcome == "ok"
        ):
            self._output[event.step] = event.output
        elif isinstance(event, e.StepsRedone):
            for name in event.steps:
                self.over.pop(name, None)
                self.branch.pop(name, None)
        elif isinstance(event, e.StepSkipped):
            self.over[event.step] = {"skipped"}
        elif isinstance(event, e.StepFailed) and event.handled:
            self.over[event.step] = {"failed", "timed_out"} if event.timed_out else {"failed"}
        elif isinstance(event, e.StepCommitted):
            output = self._output.get(event.step) if event.output is None else event.output
            self.over[event.step] = set()
            self.branch[event.step] = output.get("branch") if isinstance(output, dict) else None

    def holds(self, place: Place) -> bool | None:
        """Return the truth of the condition of a step, as far as the log has come."""
        condition = place.plan.graph.conditions[place.local]
        return condition.truth(lambda other, word: self.truth(place.peer(other), word))

    def truth(self, step: str, branch: str | None) -> bool | None:
        """Return the truth of a term of a condition, as far as the log has come."""
        if step not in self.over:
            return None
        if branch is not None and branch.startswith(EMITTED):
            return branch.removeprefix(EMITTED) in self.emitted.get(step, ())
        if branch in OUTCOMES:
            return branch in self.over[step]
        return step in self.branch and (branch is None or self.branch[step] == branch)


def _to_end(shape: Shape, frame: str) -> Iterator[str]:
    """Yield the steps of a frame that must have ended before the next one begins: not those of what was dropped in it."""
    dropped = tuple(f"{name}." for name in shape.dropped if name.startswith(f"{frame}."))
    return (name for name in shape.inside(frame) if not name.startswith(dropped))


def L05_no_step_starts_before_its_dependencies_committed(seen: Evidence) -> int:
    """At each forward intent, question and wait, the step's condition held over what was committed."""
    done, judged = Done(), 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        done.add(event)
        if isinstance(event, _BEGINNINGS):
            if isinstance(event, e.AttemptIntended) and event.phase != "forward":
                continue
            judged += 1
            place = shape.place(event.step)
            held = done.holds(place)
            before = (
                ()
                if place.plan.graph.needs[place.local] or not place.frame
                else shape.frames[place.frame].after
            )
            over = all(name in done.over for other in before for name in _to_end(shape, other))
            expect(held is True and over, "L05", f"'{event.step}' started early, at event {recorded.seq}")
    return judged


def L07_nothing_goes_forward_after_a_fault(seen: Evidence) -> int:
    """No forward intent, question or wait between a fault and the choice to go forward."""
    faulted, judged = False, 0
    for recorded in seen.told:
        event = recorded.event
        if isinstance(event, e.Faulted):
            faulted, judged = True, judged + 1
        elif isinstance(event, e.DirectionChosen):
            faulted = event.direction != "forward"
        elif isinstance(event, e.StepsRedone):
            faulted = False
        elif isinstance(event, e.WaitBegun | e.ActivityBegun | e.ApprovalRequested | e.FramesOpened) or (
            isinstance(event, e.AttemptIntended) and event.phase in {"forward", "check", "plan"}
        ):
            expect(not faulted, "L07", f"'{event.step}' started after a fault, at event {recorded.seq}")
    return judged


def L13_tries_share_a_key_and_have_one_result_each(seen: Evidence) -> int:
    """One key for all tries of a step in one epoch, another for its undo; each intent ends at most once (R4)."""
    keys: dict[tuple[str, int, str], str] = {}
    intended, ended = set(), set()
    for _, intent in seen.all(e.AttemptIntended):
        if intent.phase == "plan":
            expect(intent.key.startswith("p:"), "L13", f"a planner is asked under the key {intent.key}")
        if intent.phase == "check":
            expect(intent.key.startswith("v:"), "L13", f"a check of '{intent.step}' has the key {intent.key}")
        undo = intent.phase in {"undo", "late"}
        expect(intent.key.startswith("c:") is undo, "L13", f"'{intent.step}' has the key {intent.key}")
        own = undo or intent.phase in {"check", "plan"}
        which = (intent.step, intent.epoch, intent.phase if own else "forward")
        shared = keys.setdefault(which, intent.key)
        expect(
            shared == intent.key or intent.phase in {"late", "plan"},  # each round of a planner has its own
            "L13",
            f"'{intent.step}' has the keys {shared} and {intent.key}",
        )
        call = (intent.step, intent.phase, intent.attempt)
        expect(call not in intended, "L13", f"{call} was intended twice")
        intended.add(call)
    for _, result in seen.all(e.AttemptEnded):
        call = (result.step, result.phase, result.attempt)
        expect(call in intended and call not in ended, "L13", f"{call} has a result too many")
        ended.add(call)
    return len(intended)


def _may_be_moot(shape: Shape, ended: e.ApprovalEnded) -> bool:
    """Return whether a question that nobody answered while the run went back need not be asked again after a repair."""
    gate = shape.step(ended.step).approval
    return ended.how == "withdrawn" and gate is not None and gate.when is not None


def L14_a_gated_call_was_approved_as_it_is_sent(seen: Evidence) -> int:
    """What is sent after a question is what was asked about, and enough distinct people said yes (R33)."""
    asked: dict[str, tuple[e.ApprovalRequested, set[str]]] = {}
    judged = 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        if isinstance(event, e.ApprovalRequested):
            asked[event.step] = (event, set())
        elif isinstance(event, e.ApprovalEnded) and (event.again or _may_be_moot(shape, event)):
            asked.pop(event.step, None)  # it is looked at anew whether anybody must be asked
        elif isinstance(event, e.ApprovalGiven):
            request, people = asked[event.step]
            expect(event.request_hash == request.request_hash, "L14", f"'{event.step}': another question")
            expect(event.by not in people, "L14", f"{event.by} answered '{event.step}' twice")
            if event.decision == "approved":
                people.add(event.by)
        elif isinstance(event, e.AttemptIntended) and event.phase == "forward" and event.step in asked:
            request, people = asked[event.step]
            judged += 1
            sent = request_hash(event.request)
            same = event.request_hash == request.request_hash == sent
            expect(same, "L14", f"'{event.step}' sends what nobody approved, at event {recorded.seq}")
            enough = len(people) >= request.quorum or THE_DEADLINE in people
            expect(enough, "L14", f"'{event.step}' starts with {len(people)} of {request.quorum} approvals")
    return judged


def L16_under_four_eyes_starter_and_author_never_decide(seen: Evidence) -> int:
    """Neither who started the run nor who wrote the version answers where four eyes are asked for (R33)."""
    started = next(started for _, started in seen.all(e.RunStarted))
    strict: dict[str, bool] = {}
    judged = 0
    for recorded in seen.told:
        event = recorded.event
        if isinstance(event, e.ApprovalRequested):
            strict[event.step] = event.four_eyes
        elif isinstance(event, e.ApprovalGiven) and strict[event.step]:
            judged += 1
            own = event.by in {started.by, started.author}
            expect(not own, "L16", f"{event.by} decided '{event.step}' of a run of their own")
    return judged


def L21_unknown_stays_unknown_until_it_is_resolved(seen: Evidence) -> int:
    """Only an unknown attempt is resolved, once; a step never commits with one of its attempts in doubt."""
    doubt: dict[str, set[int]] = {}
    judged = 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        if isinstance(event, e.AttemptEnded) and event.phase == "forward" and event.outcome == "unknown":
            doubt.setdefault(event.step, set()).add(event.attempt)
            judged += 1
        elif isinstance(event, e.StepsRedone):
            doubt = {name: tries for name, tries in doubt.items() if name not in event.steps}
        elif isinstance(event, e.LateLanded):
            doubt.get(event.step, set()).discard(event.attempt)
        elif isinstance(event, e.AttemptResolved) and event.phase == "forward":
            open_ = doubt.get(event.step, set())
            expect(
                event.attempt in open_, "L21", f"attempt {event.attempt} of '{event.step}' was not in doubt"
            )
            open_.discard(event.attempt)
        elif isinstance(event, e.StepCommitted) and effect_of(shape.step(event.step)) != "readonly":
            left = doubt.get(event.step)
            expect(not left, "L21", f"'{event.step}' was committed with attempts {left} in doubt")
    return judged


def L22_nothing_touches_an_unknown_before_it_settled(seen: Evidence) -> int:
    """No probe, new try or undo of an unknown attempt before its deadline and settle window (R7)."""
    deadline = {(i.step, i.phase, i.attempt): i.deadline for _, i in seen.all(e.AttemptIntended)}
    settles: dict[tuple[str, str], datetime] = {}
    judged, latest = 0, seen.log[0].at
    for recorded, shape in seen.shapes():
        event, latest = recorded.event, max(latest, recorded.at)  # a clock that jumps back unsettles nothing
        if isinstance(event, e.AttemptIntended) and event.phase != "late":
            for phase in ("forward", "undo") if event.phase == "undo" else ("forward",):
                moment = settles.get((event.step, phase))
                judged += moment is not None
                early = moment is not None and latest < moment
                expect(
                    not early,
                    "L22",
                    f"{event.phase} of '{event.step}' before {moment} (event {recorded.seq})",
                )
        elif isinstance(event, e.AttemptResolved):
            settles.pop((event.step, event.phase), None)
        elif isinstance(event, e.LateLanded):
            settles.pop((event.step, "forward"), None)
        elif (
            isinstance(event, e.AttemptEnded)
            and event.outcome == "unknown"
            and event.phase not in {"probe", "plan"}
        ):
            step = shape.steps.get(event.step)
            if step is not None and effect_of(step) != "readonly":
                promised = deadline[event.step, event.phase, event.attempt]
                settles[event.step, event.phase] = promised + timedelta(seconds=step.settle_s)
    return judged


def L31_timers_fire_once_and_not_early(seen: Evidence) -> int:
    """Waits, expiries, retries and the deadline keep their absolute times, however the clock jumps (R32)."""
    until: dict[tuple[str, str], datetime] = {}
    judged = 0
    for recorded in seen.told:
        event = recorded.event
        timer = _TIMERS.get(type(event))
        until |= timer(event) if timer else {}
        fired = _fired(event)
        if fired in until:
            judged += 1
            early = recorded.at < until.pop(fired)
            expect(not early, "L31", f"the {fired[0]} of '{fired[1]}' fired early, at event {recorded.seq}")
        if isinstance(event, e.ValidationBegun):
            until.pop(("check retry", event.step), None)
        elif isinstance(event, e.RetryAsked | e.DirectionChosen):  # a person, or another way, comes first
            until = {
                key: due for key, due in until.items() if "retry" not in key[0] or not _ends(event, key[1])
            }
    return judged


_TIMERS: dict[type, Callable[..., dict[tuple[str, str], datetime]]] = {
    e.WaitBegun: lambda x: {("wait", x.step): x.until} if x.until else {},
    e.ApprovalRequested: lambda x: {("expiry", x.step): x.expires_at} if x.expires_at else {},
    e.RetryScheduled: lambda x: {(f"{x.phase} retry", x.step): x.due},
}


def _ends(event: e.RetryAsked | e.DirectionChosen, step: str) -> bool:
    return isinstance(event, e.DirectionChosen) or event.step == step


def _fired(event: e.Event) -> tuple[str, str]:
    """Return which timer an event is the firing of."""
    if isinstance(event, e.StepCommitted) and not event.by and not event.signal:
        return ("wait", event.step)
    if isinstance(event, e.ApprovalEnded) and event.how == "expired":
        return ("expiry", event.step)
    if isinstance(event, e.AttemptIntended):
        return (f"{event.phase} retry", event.step)
    return ("", "")
