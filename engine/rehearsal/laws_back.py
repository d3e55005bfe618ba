"""The laws of going back; see `laws` for how a law is written."""

from __future__ import annotations

from engine.core import events as e
from engine.core.saga import effect_of
from engine.rehearsal.evidence import Evidence
from engine.rehearsal.verdict import expect


def L06_undo_runs_against_the_dependencies(seen: Evidence) -> int:
    """A step's undo starts only when every planned step that depends on it is done (R17)."""
    done: dict[str, int] = {}
    starts: dict[str, int] = {}
    for recorded in seen.log:
        event = recorded.event
        if isinstance(event, e.AttemptIntended) and event.phase == "undo":
            expect(event.step in seen.plan, "L06", f"'{event.step}' is undone without a plan")
            starts.setdefault(event.step, recorded.seq)
        elif isinstance(event, e.StepUndone | e.StepExcused):
            done[event.step] = recorded.seq
    judged = 0
    for name, seq in starts.items():
        for dependent in seen.saga.graph.descendants(name) & set(seen.plan):
            judged += 1
            before = dependent in done and done[dependent] < seq
            expect(before, "L06", f"the undo of '{name}' began before '{dependent}' was done")
    return judged


def L11_the_pivot_is_never_in_a_plan(seen: Evidence) -> int:
    """A point of no return is not undone, and nobody goes back behind one that landed."""
    pivots = set(seen.saga.pivots)
    planned = pivots & set(seen.plan)
    expect(not planned, "L11", f"the plan holds {sorted(planned)}")
    undone = {i.step for _, i in seen.intents("undo")} & pivots
    expect(not undone, "L11", f"{sorted(undone)} was undone")
    return len(pivots) if seen.plan else 0


def L12_each_effect_is_reversed_at_most_once(seen: Evidence) -> int:
    """In the ledger no effect was undone under two keys; in the log no step was undone twice."""
    for effect in seen.world.effects:
        expect(len(effect.undone_by) <= 1, "L12", f"'{effect.step}' was reversed by {effect.undone_by}")
    undone = [x.step for _, x in seen.all(e.StepUndone)] + [x.step for _, x in seen.all(e.StepExcused)]
    expect(len(undone) == len(set(undone)), "L12", f"undone twice: {sorted(undone)}")
    return sum(1 for effect in seen.world.effects if effect.undone_by)


def R04_no_step_takes_effect_twice(seen: Evidence) -> int:
    """At no end is an effect there twice, whatever was retried (R4-R6), but what was knowingly left behind."""
    left_behind = {name for _, x in seen.all(e.RunAbandoned) for name in x.left_behind}
    given_up = left_behind & {x.step for _, x in seen.all(e.LateLanded) if not x.counts}
    judged = [name for name in seen.acting if name not in seen.left | given_up]
    for name in judged:
        made = seen.world.coming(name)
        expect(len(made) <= 1, "R04", f"'{name}' took effect {len(made)} times")
    return len(judged)


def R16_the_plan_holds_whatever_may_have_landed(seen: Evidence) -> int:
    """At the choice to go back, every step with an attempt that may have landed is planned, and no other."""
    maybe: dict[str, set[int]] = {}
    by_hand: set[str] = set()
    judged = 0
    for recorded in seen.log:
        event = recorded.event
        if isinstance(event, e.AttemptIntended) and event.phase == "forward":
            maybe.setdefault(event.step, set()).add(event.attempt)
        elif isinstance(event, e.AttemptEnded) and event.phase == "forward":
            if event.outcome in {"rejected", "failed"}:
                maybe[event.step].discard(event.attempt)
        elif isinstance(event, e.AttemptResolved) and not event.landed:
            maybe[event.step].discard(event.attempt)
        elif isinstance(event, e.LateLanded):  # one too many is undone by itself, planned or not (R25)
            (maybe[event.step].add if event.counts else maybe[event.step].discard)(event.attempt)
        elif isinstance(event, e.StepCommitted) and event.by:
            by_hand.add(event.step)
        elif isinstance(event, e.DirectionChosen) and event.direction == "undo":
            touched = {name for name, tries in maybe.items() if tries} | by_hand
            due = {n for n in touched if effect_of(seen.saga.steps[n]) not in {"readonly", "pivot"}}
            planned = {entry.step for entry in event.plan}
            judged += 1
            expect(due == planned, "R16", f"may have landed: {sorted(due)}; planned: {sorted(planned)}")
    return judged


def R20_a_failed_undo_is_never_called_done(seen: Evidence) -> int:
    """An undo that gave up is excused by a person, undone by a later try, or open; and it is in the ending."""
    failed = {x.step for _, x in seen.all(e.HelpNeeded) if x.kind == "comp_failed"}
    excused = {x.step for _, x in seen.all(e.StepExcused)}
    excused |= {late.step for _, late in seen.all(e.LateUndone) if late.by}
    closing = seen.log[-1].event
    if isinstance(closing, e.RunCompensated):
        expect(
            set(closing.exceptions) == excused, "R20", f"excused {excused}, closed with {closing.exceptions}"
        )
        for name in failed:
            said = seen.last_word.get(name)
            expect(
                said in {"excused", "undone", "empty"},
                "R20",
                f"the undo of '{name}' failed, and it is {said}",
            )
    return len(failed)


def R22_giving_up_names_what_is_left_behind(seen: Evidence) -> int:
    """Every effect that is still there after giving up is in the list."""
    closing = seen.log[-1].event
    if not isinstance(closing, e.RunAbandoned):
        return 0
    left = {name for name in seen.acting if seen.there(name)}
    unnamed = left - set(closing.left_behind)
    expect(not unnamed, "R22", f"left behind without a word: {sorted(unnamed)}")
    return 1


def R25_each_late_effect_is_settled_once(seen: Evidence) -> int:
    """What landed after it had been given up, and is one too many, is undone by itself before the run closes."""
    open_: set[tuple[str, int]] = set()
    judged = 0
    for recorded in seen.log:
        event = recorded.event
        if isinstance(event, e.LateLanded):
            judged += 1
            if not event.counts:
                open_.add((event.step, event.attempt))
        elif isinstance(event, e.LateUndone):
            late = (event.step, event.attempt)
            expect(late in open_, "R25", f"late attempt {late} is settled, and nobody said that it landed")
            open_.discard(late)
    expect(not open_ or seen.ending == "abandoned", "R25", f"closed with {sorted(open_)} not settled")
    return judged
