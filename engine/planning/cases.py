"""Answers by case: what can still be done depends on how far a plan has come that nobody has told.

Where a problem says that the past stays but not what it was, each vehicle that could have left by then may
be at its place, at another one, or on any way. Each such case is planned by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import ceil
from time import monotonic

from pydantic import BaseModel, ConfigDict

from engine.planning.case import Car, Case
from engine.planning.planner import Objective, Planner, Solution, Spot, Standing
from engine.planning.times import write_time

MAX_LEGS = 3
NOT_IN_TIME = "no plan was found in time"


class CaseAnswer(BaseModel):
    """What one case comes to: from the earliest to the latest departure that fits it.

    `until` is the last departure with which there is a plan, where it is possible for some only. Where a plan was
    found for none in the time that was given, and no proof that there is none either, it is not `in_time`.
    """

    model_config = ConfigDict(frozen=True)
    when: str
    possible: bool
    in_time: bool = True
    until: str | None = None
    all_done: tuple[str, ...] = ()
    if_past_the_slow_part: str | None = None
    conflict: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What is asked in each case: the best plan from `now` on; `limit_s` is the time for all the cases together."""

    case: Case
    planner: Planner
    now: float
    objective: Objective | None = None
    limit_s: float = 60
    begun: float = field(default_factory=monotonic)

    @property
    def left_s(self) -> float:
        """How long solving may still take."""
        return max(self.begun + self.limit_s - monotonic(), 0.0)


@dataclass(frozen=True)
class State:
    """A vehicle at a place, the earliest it can be so; on a way to `to`, where it is under way at the moment."""

    place: str
    earliest: float
    aboard: tuple[str, ...] = ()
    carries: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    to: str = ""


def moment_of(case: Case) -> float | None:
    """Return the moment from which a plan is asked for, where the past stays; None where all is ahead."""
    if not any(one.kind == "history" for one in case.problem.constraints):
        return None
    known = [one.known_at for one in case.problem.disruptions if one.known_at is not None]
    return min(known, default=None)


def open_cases(case: Case, now: float) -> list[tuple[Car, State]]:
    """Return every way in which a vehicle may stand at a moment; none if none could have left before."""
    found: list[tuple[Car, State]] = []
    for car in case.cars.values():
        begin = car.ready if car.ready is not None else case.start
        if begin is not None and begin < now and car.driver is not None:
            found += [
                (car, state) for state in _states(case, State(car.start, begin, seen=(car.start,)), now)
            ]
    return found


def answer(question: Question, car: Car, state: State) -> CaseAnswer:
    """Return what a case comes to."""
    case = question.case
    first, last = _departures(case, state, question.now)
    best = _solved(question, car, state, first)
    worst = best if last == first else _solved(question, car, state, last)
    until = None
    if best.rows and not worst.rows:
        until = str(write_time(_threshold(question, car, state, (first, last))))
    done = tuple(dict.fromkeys(_done(one) for one in (best, worst) if one.rows))
    return CaseAnswer(
        when=_words(case, car, state, question.now), possible=bool(best.rows),
        in_time=best.status != "unknown", until=until, all_done=done,
        if_past_the_slow_part=_past(question, car, state, last),
        conflict=tuple(one.text for one in worst.conflict),
    )  # fmt: skip


def _states(case: Case, state: State, now: float) -> Iterator[State]:
    """Yield a state at `now`, and those that begin from it: on a way, or at the next place."""
    yield state
    for there in case.problem.places:
        base = case.travel.base(state.place, there)
        if base is None or there in state.seen:
            continue
        if base > 0 and max(state.earliest, now - base) < now - 0.5:
            yield replace(state, to=there)
        if state.earliest + base < now and len(state.seen) <= MAX_LEGS:
            yield from _states(case, _arrived(case, state, there, state.earliest + base), now)


def _arrived(case: Case, state: State, there: str, moment: float) -> State:
    """Return the state after arriving: whoever waits there is picked up, what can be fetched is fetched."""
    riders = [
        one.id for one in case.people.values()
        if one.needs_ride and one.start == there and (one.ready is None or one.ready <= moment)
    ]  # fmt: skip
    tasks = [
        task.id for task in case.tasks.values()
        if task.kind == "errand" and task.at == there and task.deliver_to is not None
        and (task.window[0] or 0) <= moment <= (task.window[1] or moment)
    ]  # fmt: skip
    busy = case.service * (len(riders) + len(tasks))
    return State(
        there, moment + busy, (*state.aboard, *riders), (*state.carries, *tasks), (*state.seen, there)
    )  # fmt: skip


def _departures(case: Case, state: State, now: float) -> tuple[float, float]:
    if not state.to:
        return now, now
    base = case.travel.base(state.place, state.to) or 0.0
    return max(state.earliest, float(ceil(now - base + 0.001))), now - 1


def _standing(question: Question, car: Car, state: State, left: float) -> Standing:
    now, travel = question.now, question.case.travel
    since = left + (travel.needed(state.place, state.to, left) or 0.0) if state.to else now
    spot = Spot(state.to or state.place, since, state.aboard, state.carries)
    return Standing(now, (), {car.id: spot}, frozenset(state.carries))


def _solved(question: Question, car: Car, state: State, left: float) -> Solution:
    standing = _standing(question, car, state, left)
    return question.planner.solve(question.case, question.objective, standing, question.left_s)


def _threshold(question: Question, car: Car, state: State, between: tuple[float, float]) -> float:
    """Return the last departure, in whole minutes, with which there is a plan: the later, the later everything."""
    low, high = between
    while high - low > 1:
        middle = (low + high) // 2
        if _solved(question, car, state, middle).rows:
            low = middle
        else:
            high = middle
    return low


def _past(question: Question, car: Car, state: State, left: float) -> str | None:
    """Return when all is done if the vehicle is past what slows it down; None where that is no question."""
    travel = question.case.travel
    slowed = state.to and any(one.touches(state.place, state.to) for one in travel.slowdowns)
    if not slowed or any(one.spares_under_way for one in travel.slowdowns):
        return None
    spared = replace(question, case=replace(question.case, travel=travel.sparing_under_way()))
    return _done(_solved(spared, car, state, left))


def _done(solution: Solution) -> str:
    if solution.status == "unknown":
        return NOT_IN_TIME
    return str(write_time(solution.figures["all_done"])) if solution.rows else "not possible"


def _words(case: Case, car: Car, state: State, now: float) -> str:
    with_them = (
        f", with {', '.join((*state.aboard, *state.carries))}" if state.aboard or state.carries else ""
    )
    if not state.to:
        moved = "has not left" if len(state.seen) == 1 else "is at"
        return f"{car.driver} {moved} {state.place}{with_them}"
    first, last = (write_time(moment) for moment in _departures(case, state, now))
    when = f"at {first}" if first == last else f"between {first} and {last}"
    return f"{car.driver} left {state.place} for {state.to} {when}{with_them}"
