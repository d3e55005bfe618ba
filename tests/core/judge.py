"""What must be true of a finished story: the laws, checked on the log and on the world's ledger."""

from __future__ import annotations

from datetime import timedelta

from engine.core import events as e
from engine.core.saga import effect_of, request_hash

LONG = timedelta(days=2)


def judge(story):
    """Assert the laws of SEMANTICS.md that can be seen from outside the engine."""
    for law in (
        log_is_in_order, nothing_starts_early, nothing_forward_after_a_fault, keys_are_kept, unknown_may_settle,
        gates_were_passed, no_pivot_is_undone, undo_runs_backwards, world_fits_the_ending,
    ):  # fmt: skip
        try:
            law(story)
        except AssertionError as error:
            error.add_note(f"law: {law.__name__}\n{story.tell()}")
            raise


def log_is_in_order(story):
    """L23: contiguous; the closing event is last and single."""
    assert [r.seq for r in story.log] == list(range(1, len(story.log) + 1))
    closing = [r.seq for r in story.log if r.event.type in e.CLOSING]
    assert closing == [len(story.log)]
    assert all(a.at <= b.at for a, b in zip(story.log, story.log[1:], strict=False))


def _forward(story):
    for recorded in story.log:
        if recorded.event.type == "attempt_intended" and recorded.event.phase == "forward":
            yield recorded


def nothing_starts_early(story):
    """L5: at its first intent, a step's condition held over what had been committed."""
    for recorded in _forward(story):
        step = story.saga.steps[recorded.event.step]
        done = {r.event.step: r for r in story.log[: recorded.seq] if r.event.type == "step_committed"}
        over = {r.event.step for r in story.log[: recorded.seq] if r.event.type == "step_skipped"} | set(done)

        def term(other, branch, done=done, over=over):
            if other not in over:
                return None
            if other not in done or branch is None:
                return other in done
            return (story.run.steps[other].output or {}).get("branch") == branch

        assert step.condition.truth(term) is True, f"{recorded.event.step} started early"


def nothing_forward_after_a_fault(story):
    """L7: no forward intent between a fault and the choice to go forward."""
    faulted = False
    for recorded in story.log:
        event = recorded.event
        if event.type == "faulted":
            faulted = True
        elif event.type == "direction_chosen":
            faulted = event.direction == "undo"
        elif event.type == "attempt_intended" and event.phase == "forward":
            assert not faulted, f"{event.step} started after a fault"


def keys_are_kept(story):
    """L13, R4: one key for all tries of a step, another for its undo; never a doubled effect."""
    keys = {}
    for recorded in story.log:
        if recorded.event.type == "attempt_intended":
            phase = recorded.event.phase
            assert recorded.event.key.startswith("c:") is (phase in {"undo", "late"})
            if phase != "late":
                which = (recorded.event.step, phase == "undo")
                assert keys.setdefault(which, recorded.event.key) == recorded.event.key
    for name in set(story.saga.steps) - story.left:
        made = [x for x in story.world.effects if x.step == name and not x.gone]
        assert len(made) <= 1, f"{name} took effect {len(made)} times"


def unknown_may_settle(story):
    """L22, R7: no probe, new try or undo of an unknown attempt before its deadline and settle window."""
    doubt = {}
    for recorded in story.log:
        event = recorded.event
        if event.type == "attempt_intended" and event.phase != "late":
            assert recorded.at >= doubt.get((event.step, "forward"), recorded.at), f"{event.step} unsettled"
            if event.phase == "undo":
                assert recorded.at >= doubt.get((event.step, "undo"), recorded.at), (
                    f"undo {event.step} unsettled"
                )
        elif event.type == "attempt_ended" and event.outcome == "unknown" and event.phase != "probe":
            step = story.saga.steps[event.step]
            if effect_of(step) != "readonly":
                intent = story.run.steps[event.step].calls(event.phase)[event.attempt - 1].intent
                doubt[event.step, event.phase] = intent.deadline + timedelta(seconds=step.settle_s)
        elif event.type == "attempt_resolved":
            doubt.pop((event.step, event.phase), None)


def gates_were_passed(story):
    """L14: what is sent after a question is what was asked about."""
    asked = {}
    for recorded in story.log:
        event = recorded.event
        if event.type == "approval_requested":
            asked[event.step] = [event.request_hash, set(), event]
        elif event.type == "approval_given":
            assert event.decision == "denied" or event.by not in asked[event.step][1]
            asked[event.step][1].add(event.by)
            assert event.request_hash == asked[event.step][0]
        elif event.type == "attempt_intended" and event.phase == "forward" and event.step in asked:
            hashed, people, request = asked[event.step]
            assert event.request_hash == hashed == request_hash(event.request), f"{event.step} drifted"
            assert len(people) >= request.quorum or "the deadline" in people


def no_pivot_is_undone(story):
    """L11: a pivot that landed is never in a plan."""
    for recorded in story.log:
        if recorded.event.type == "direction_chosen":
            planned = {entry.step for entry in recorded.event.plan}
            assert not planned & set(story.saga.pivots)


def undo_runs_backwards(story):
    """L6: a step's undo starts only when every planned step that depends on it is done."""
    plan = story.run.plan
    ends = {r.event.step: r.seq for r in story.log if r.event.type in {"step_undone", "step_excused"}}
    starts = {}
    for recorded in story.log:
        if recorded.event.type == "attempt_intended" and recorded.event.phase == "undo":
            starts.setdefault(recorded.event.step, recorded.seq)
            assert recorded.event.step in plan
    for name, seq in starts.items():
        for dependent in story.saga.graph.descendants(name) & set(plan):
            assert ends.get(dependent, 10**9) < seq, f"undo of {name} before {dependent}"


def world_fits_the_ending(story):
    """L2, L3, L4: completed - each effect once; compensated - none left; exceptions are named."""
    later = story.now + LONG
    partly = {n for n, s in story.saga.steps.items() if s.compensate == "none"}
    for name, step in story.run.steps.items():
        count = len(story.world.of(name, later))
        if effect_of(step.definition) == "readonly" or name in story.left:
            continue
        if story.run.status == "completed":
            assert step.status in {"committed", "skipped"}
            assert count == (step.status == "committed"), f"{name} is {step.status} with {count} effects"
        elif story.run.status == "compensated":
            assert count == 0, f"{name} is {step.status}, and its effect is still there"
            assert name not in partly or not any(x.step == name for x in story.world.effects)
        elif story.run.status == "compensated_with_exceptions":
            assert count == 0 or step.status == "excused", f"{name} is {step.status}, and {count} left"
