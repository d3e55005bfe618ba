"""The laws of going back; see `laws` for how a law is written."""

from __future__ import annotations

import networkx as nx

from engine.core import events as e
from engine.core.saga import effect_of
from engine.rehearsal.evidence import Evidence
from engine.rehearsal.verdict import expect


def L06_undo_runs_against_the_dependencies(seen: Evidence) -> int:
    """A step's undo starts only when every planned step that depends on it is done (R17)."""
    done: set[str] = set()
    plan: set[str] = set()
    judged = 0
    graph: nx.DiGraph[str] = nx.DiGraph()
    for recorded, shape in seen.shapes():
        event = recorded.event
        if isinstance(event, e.DirectionChosen):
            plan, done, graph = {entry.step for entry in event.plan}, set(), shape.graph()
        elif isinstance(event, e.StepUndone | e.StepExcused):
            done.add(event.step)
        elif isinstance(event, e.AttemptIntended) and event.phase == "undo":
            expect(event.step in plan, "L06", f"'{event.step}' is undone without a plan")
            waits_for = nx.descendants(graph, event.step) & plan
            judged += len(waits_for)
            early = waits_for - done
            expect(not early, "L06", f"the undo of '{event.step}' began before {sorted(early)} was done")
    return judged


def L17_the_affected_set_is_the_least_closed_one(seen: Evidence) -> int:
    """What a repair touches is the culprits, all inside them, what depends on them, near or far, and nothing else (R26)."""
    repairs: list[tuple[str, ...]] = []
    surely: set[str] = set()  # steps inside composite ones that there are: something was said of them
    for recorded, shape in seen.shapes():
        event = recorded.event
        if isinstance(event, e.DirectionChosen) and event.direction == "repair":
            inside = {inner for name in event.culprits for inner in shape.within(name)}
            least, affected = shape.descendants({*event.culprits, *inside}), set(event.affected)
            certain = least & (surely | set(shape.plan.steps))
            fine = certain <= affected <= least
            expect(fine, "L17", f"{event.culprits} affect {least}, not {event.affected}")
            repairs.append(event.affected)
        elif isinstance(event, e.StepsRedone):
            expect(event.steps in repairs, "L17", f"{event.steps} were done anew")
            surely -= set(event.steps)
        elif isinstance(event, e.StepReady | e.AttemptIntended | e.StepCommitted):
            surely.add(event.step)
    return len(repairs)


def R26_what_is_kept_keeps_its_effect(seen: Evidence) -> int:
    """Between the choice of a repair and its end only affected steps are undone, and nothing goes forward."""
    affected: set[str] | None = None
    judged = 0
    for recorded in seen.told:
        event = recorded.event
        if isinstance(event, e.DirectionChosen):
            affected = set(event.affected) if event.direction == "repair" else None
        elif isinstance(event, e.StepsRedone):
            affected = None
        elif affected is not None and isinstance(event, e.AttemptIntended) and event.phase != "late":
            judged += 1
            fine = event.step in affected and event.phase in {"undo", "probe"}
            expect(fine, "R26", f"{event.phase} of '{event.step}' in a repair of {sorted(affected)}")
    return judged


def L11_the_pivot_is_never_in_a_plan(seen: Evidence) -> int:
    """A point of no return is not undone, and nobody goes back behind one that landed."""
    pivots = {name for name, step in seen.steps.items() if effect_of(step) == "pivot"}
    planned = pivots & set(seen.plan)
    expect(not planned, "L11", f"the plan holds {sorted(planned)}")
    undone = {i.step for _, i in seen.intents("undo")} & pivots
    expect(not undone, "L11", f"{sorted(undone)} was undone")
    return len(pivots) if seen.plan else 0


def L12_each_effect_is_reversed_at_most_once(seen: Evidence) -> int:
    """In the ledger no effect was undone under two keys; in the log no step was undone twice."""
    for effect in seen.world.effects:
        expect(len(effect.undone_by) <= 1, "L12", f"'{effect.step}' was reversed by {effect.undone_by}")
    undone: set[str] = set()
    for recorded in seen.told:
        event = recorded.event
        if isinstance(event, e.StepsRedone):
            undone -= set(event.steps)
        elif isinstance(event, e.StepUndone | e.StepExcused):
            expect(event.step not in undone, "L12", f"'{event.step}' was undone twice in one epoch")
            undone.add(event.step)
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


class _MayHaveLanded:
    """Which attempts of each step may have landed and are not undone, up to a place in the log."""

    def __init__(self) -> None:
        self.maybe: dict[str, set[int]] = {}
        self.by_hand: set[str] = set()
        self.gone: set[str] = set()

    def add(self, event: e.Event) -> None:
        match event:
            case e.AttemptIntended(phase="forward"):
                self.maybe.setdefault(event.step, set()).add(event.attempt)
            case e.AttemptEnded(phase="forward", outcome="rejected" | "failed"):
                self.maybe[event.step].discard(event.attempt)
            case e.AttemptResolved(landed=False):
                self.maybe[event.step].discard(event.attempt)
            case e.LateLanded():  # one too many is undone by itself, planned or not (R25)
                tries = self.maybe.setdefault(event.step, set())  # of an epoch that is over, perhaps
                (tries.add if event.counts else tries.discard)(event.attempt)
            case e.StepCommitted() if event.by:
                self.by_hand.add(event.step)
            case e.StepUndone() | e.StepExcused():
                self.gone.add(event.step)
            case e.StepsRedone():
                self.gone -= set(event.steps)
                self.by_hand -= set(event.steps)
                self.maybe = {name: tries for name, tries in self.maybe.items() if name not in event.steps}

    def drop(self, steps: set[str]) -> None:
        """Take what they did for effects that do not count: each is undone by itself (R25, R36)."""
        self.by_hand -= steps
        self.maybe = {name: tries for name, tries in self.maybe.items() if name not in steps}

    def steps(self) -> set[str]:
        return ({name for name, tries in self.maybe.items() if tries} | self.by_hand) - self.gone


def R16_the_plan_holds_whatever_may_have_landed(seen: Evidence) -> int:
    """At the choice to go back, every step with an attempt that may have landed is planned, and no other.

    A repair plans the affected ones of them (R26); what an interrupted repair has undone is not planned again.
    """
    known, judged = _MayHaveLanded(), 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        known.add(event)
        if isinstance(event, e.FrameDropped):
            known.drop(set(shape.inside(event.frame)))
        if isinstance(event, e.DirectionChosen) and event.direction != "forward":
            touched = known.steps()
            touched &= set(event.affected) if event.direction == "repair" else touched
            touched &= shape.steps.keys()
            due = {n for n in touched if effect_of(shape.step(n)) not in {"readonly", "pivot"}}
            planned = {entry.step for entry in event.plan}
            judged += 1
            expect(due == planned, "R16", f"may have landed: {sorted(due)}; planned: {sorted(planned)}")
    return judged


def _failed_undos(seen: Evidence) -> set[str]:
    """Return the steps of which an undo gave up and was not settled in the same epoch."""
    failed: set[str] = set()
    settled: set[str] = set()
    for recorded in seen.told:
        event = recorded.event
        if isinstance(event, e.HelpNeeded) and event.kind == "comp_failed":
            failed.add(event.step)
        elif isinstance(event, e.StepUndone | e.StepExcused):
            settled.add(event.step)
        elif isinstance(event, e.StepsRedone):
            failed -= settled & set(event.steps)
            settled -= set(event.steps)
    return failed


def R20_a_failed_undo_is_never_called_done(seen: Evidence) -> int:
    """An undo that gave up is excused by a person, undone by a later try, or open; and it is in the ending."""
    failed = _failed_undos(seen)
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
                said in {"excused", "undone", "empty", "dropped"},
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


class _Landed:
    """Which attempt of each step landed last and counts, up to a place in the log; 0: it was done by hand."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def add(self, event: e.Event) -> None:
        match event:
            case e.AttemptEnded(phase="forward", outcome="ok") | e.AttemptResolved(landed=True):
                self.last[event.step] = max(event.attempt, self.last.get(event.step, 0))
            case e.LateLanded(counts=True):
                self.last[event.step] = max(event.attempt, self.last.get(event.step, 0))
            case e.StepCommitted() if event.by:
                self.last[event.step] = 0
            case e.StepsRedone():
                self.last = {name: number for name, number in self.last.items() if name not in event.steps}

    def taken_back(self, steps: set[str]) -> set[tuple[str, int]]:
        """Return what counted of some steps, and does so no more."""
        return {(name, self.last.pop(name)) for name in steps & self.last.keys()}


def L06_what_does_not_count_goes_before_what_it_was_built_on(seen: Evidence) -> int:
    """Nothing is undone while a late effect, or one of a dropped frame, is there that was built on it (R17, R25)."""
    open_: set[tuple[str, int]] = set()
    judged, landed = 0, _Landed()
    for recorded, shape in seen.shapes():
        event = recorded.event
        landed.add(event)
        if isinstance(event, e.LateLanded) and not event.counts:
            open_.add((event.step, event.attempt))
        elif isinstance(event, e.FrameDropped):
            open_ |= landed.taken_back(set(shape.inside(event.frame)) & set(seen.acting))
        elif isinstance(event, e.LateUndone):
            open_.discard((event.step, event.attempt))
        elif isinstance(event, e.AttemptIntended) and event.phase in {"undo", "late"} and open_:
            graph = shape.graph()
            above = nx.descendants(graph, event.step) if event.step in graph else set()
            early = above & {name for name, _ in open_}
            judged += 1
            expect(not early, "L06", f"'{event.step}' is undone while {sorted(early)} was built on it")
    return judged


def R25_each_late_effect_is_settled_once(seen: Evidence) -> int:
    """What landed after it had been given up, and is one too many, is undone by itself before the run closes."""
    open_: set[tuple[str, int]] = set()
    judged, landed = 0, _Landed()
    for recorded, shape in seen.shapes():
        event = recorded.event
        landed.add(event)
        if isinstance(event, e.LateLanded):
            judged += 1
            if not event.counts:
                open_.add((event.step, event.attempt))
        elif isinstance(event, e.FrameDropped):  # what it did is one too many as a whole
            dropped = landed.taken_back(set(shape.inside(event.frame)) & set(seen.acting))
            judged += len(dropped)
            open_ |= dropped
        elif isinstance(event, e.LateUndone):
            late = (event.step, event.attempt)
            expect(late in open_, "R25", f"late attempt {late} is settled, and nobody said that it landed")
            open_.discard(late)
    expect(not open_ or seen.ending == "abandoned", "R25", f"closed with {sorted(open_)} not settled")
    return judged
