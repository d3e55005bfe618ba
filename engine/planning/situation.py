"""What somebody who plans has to know, in few words: the problem, what is past or under way, and what has changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.planning.assumptions import Assumption
from engine.planning.case import Case, case_of
from engine.planning.checker import check_case
from engine.planning.finding import Checked, Violation
from engine.planning.plan import Plan, Row
from engine.planning.problem import Problem, Task
from engine.planning.times import TOLERANCE, write_time
from engine.planning.timetable import now_of, retimed, rows_of, with_changes

Json = Any
PASSED = "accident_passed"


@dataclass(frozen=True)
class Situation:
    """A problem with what has happened so far; `past` are the rows that have begun, as they really were."""

    case: Case
    past: tuple[Row, ...] = ()
    now: float | None = None
    timetable: Mapping[str, Json] = field(default_factory=dict)

    @property
    def problem(self) -> Problem:
        """The problem as the world has become."""
        return self.case.problem

    def time(self, moment: float) -> str:
        """Return a moment as the problem writes it."""
        return str(write_time(moment, clock=self.problem.has_clock))


def situation_of(
    problem: Problem, timetable: Mapping[str, Json], given: Mapping[str, Json] | None = None
) -> Situation:
    """Return the situation of a run; `given` are assumptions instead of the problem's defaults.

    Raises:
        CommandRejected: for an assumption that the problem does not have.
    """
    changed = with_changes(problem, timetable)
    taken = dict(given or {})
    passed = taken.pop(PASSED, False) is True
    case = case_of(changed, taken)
    if passed:
        case = replace(case, travel=case.travel.sparing_under_way())
    past = [
        _spared(case, row) if passed and entry.get("under_way") and row.moves else row
        for row, entry in zip(rows_of(timetable), timetable.get("begun") or [], strict=True)
    ]
    return Situation(case, tuple(past), now_of(timetable), timetable)


def _spared(case: Case, row: Row) -> Row:
    """Return a way under way as long as it takes somebody who is past what slows it down."""
    needed = case.travel.needed(row.from_ or "", row.to or "", row.start)
    return row if needed is None else row.model_copy(update={"end": row.start + needed})


def checked(situation: Situation, rows: Iterable[Row]) -> Checked:
    """Return what is wrong about a plan for the rest: with the past as it was, it must fit the whole problem."""
    proposed = list(rows)
    now = situation.now
    if now is not None:
        early = [row for row in proposed if row.start < now - TOLERANCE]
        if early:
            return Checked(id="plan", verdict="infeasible", violations=tuple(_too_early(situation, early)))
    first = len(situation.past)
    whole = [
        *situation.past,
        *(row.model_copy(update={"n": first + n}) for n, row in enumerate(proposed, start=1)),
    ]
    plan = Plan(id="plan", problem=situation.problem.id, now=now, rows=tuple(whole))
    return _of_the_rest(check_case(situation.case, plan), first)


def _of_the_rest(found: Checked, first: int) -> Checked:
    """Return the same with the rows numbered as they were proposed."""
    violations = tuple(
        one.model_copy(update={"rows": tuple(n - first for n in one.rows if n > first)})
        for one in found.violations
    )
    return found.model_copy(update={"violations": violations})


def _too_early(situation: Situation, rows: list[Row]) -> Iterator[Violation]:
    assert situation.now is not None
    for row in rows:
        yield Violation(
            code="history_contradiction", rows=(row.n,),
            required=f"what begins before {situation.time(situation.now)} is past; give only what comes from then on",
            claimed=f"{row.kind} at {situation.time(row.start)}",
        )  # fmt: skip


def findings(found: Checked) -> str:
    """Return what a checker found in one text, short enough for a prompt."""
    return "; ".join(
        f"{one.code}{f' (row {one.rows[0]})' if one.rows else ''}: must: {one.required}; the plan: {one.claimed}"
        for one in found.violations[:6]
    )


def as_it_goes(situation: Situation) -> Checked | None:
    """Return what becomes of the timetable if nothing is planned anew; None where there is none yet."""
    if not situation.past and not situation.timetable.get("ahead"):
        return None
    rows = pushed_along(situation)
    plan = Plan(id="plan", problem=situation.problem.id, now=situation.now, rows=tuple(rows))
    return check_case(situation.case, plan)


def pushed_along(situation: Situation) -> list[Row]:
    """Return the rows begun and ahead as they would be if nothing was planned anew."""
    return retimed(situation.case, situation.past, situation.now, situation.timetable)


def open_question(situation: Situation) -> tuple[str, str]:
    """Return what the log does not say and the answer depends on, in words, and the activity it is about.

    Whoever is on a way that has become slower may be past what slows it down.
    """
    for entry in situation.timetable.get("begun") or ():
        if entry.get("under_way") and entry.get("from"):
            for slow in situation.case.travel.slowdowns:
                if slow.touches(entry["from"], entry["to"]) and not slow.spares_under_way:
                    who, since = (entry.get("who") or ["somebody"])[0], entry["start"]
                    moment = situation.time(situation.now or 0.0)
                    return (
                        f"At {moment} {who} is on the way from {entry['from']} to {entry['to']}, since {since}. "
                        f"Is what slows the way down still ahead of {who}? Approve: it is. Deny: {who} is past it."
                    ), entry["step"]
    return "", ""


def brief(situation: Situation) -> str:
    """Return the situation as text for a model."""
    problem = situation.problem
    lines = [f"{problem.name or problem.id}. Aim: {problem.objective or 'everything in time'}."]
    lines += [*_world(situation), *_people(situation), *_tasks(situation), *_constraints(problem)]
    lines += [
        f"Taken for granted: {one.item}: {_shown(one)}."
        for one in situation.case.assumptions.values()
        if one.counted
    ]
    lines += [*_changes(situation), *_past(situation)]
    return "\n".join(lines)


def _shown(one: Assumption) -> Json:
    return "yes" if one.value is True else "no" if one.value is False else one.value


def _world(situation: Situation) -> Iterator[str]:
    problem, case = situation.problem, situation.case
    if problem.places:
        yield (
            "Places: "
            + ", ".join(f"{place} = {label or place}" for place, label in problem.places.items())
            + "."
        )
    ways: dict[tuple[str, str], float] = {}
    for (here, there), minutes in case.travel.minutes.items():
        if (there, here) not in ways or case.travel.minutes.get((there, here)) != minutes:
            ways[here, there] = minutes
    if ways:
        yield "Minutes of a way: " + ", ".join(f"{a}-{b} {m:g}" for (a, b), m in ways.items()) + "."
    if problem.jobs:
        yield "Machines: " + ", ".join(problem.machines) + "."
        for job in problem.jobs:
            yield (
                f"{job.id}: "
                + ", then ".join(f"{machine} {minutes:g}" for machine, minutes in job.operations)
                + "."
            )


def _people(situation: Situation) -> Iterator[str]:
    for one in situation.case.people.values():
        said = [f"{one.id}: at {one.start}" if one.start else one.id]
        said += [f"from {situation.time(one.ready)}"] if one.ready is not None else []
        said += ["needs a ride"] if one.needs_ride else ["drives"] if one.can_drive else []
        said += [
            f"must be at {must.at}" + (f" by {situation.time(must.by)}" if must.by is not None else "")
            for must in one.must_be
        ]
        yield ", ".join(said) + "."
    for car in situation.case.cars.values():
        yield f"{car.id}: a car of {car.seats} seats at {car.start}, driven by {car.driver or 'anyone'}."


def _tasks(situation: Situation) -> Iterator[str]:
    for task in situation.case.tasks.values():
        if situation.case.is_implied(task):
            continue
        yield f"Task {task.id}: " + ", ".join(_task(situation, task)) + "."


def _task(situation: Situation, task: Task) -> Iterator[str]:
    yield f"{task.kind} at {task.at}" if task.at else task.kind
    if task.duration is not None:
        yield f"{task.duration:g} min"
    if task.start is not None:
        yield f"at {situation.time(task.start)}"
    opens, closes = task.window
    if opens is not None:
        yield f"not before {situation.time(opens)}"
    if closes is not None:
        yield f"{'done' if situation.case.window_means_finish else 'begun'} by {situation.time(closes)}"
    if task.performer:
        yield f"by {' or '.join(task.performer)}"
    if task.participants:
        yield f"with {', '.join(task.participants)}"
    if task.deliver_to:
        yield f"to be brought to {task.deliver_to}"
    if task.supervised_by is not None:
        yield "somebody at home all the time"


def _constraints(problem: Problem) -> Iterator[str]:
    said = [one.text for one in problem.constraints if one.text and one.kind not in {"history", "inherit"}]
    if said:
        yield "Constraints: " + "; ".join(said) + "."


def _changes(situation: Situation) -> Iterator[str]:
    for change in situation.timetable.get("changes") or ():
        since = f"since {change['effective_from']}"
        yield f"Changed {since}: {change.get('text') or change['kind']} ({change['kind']} {change['magnitude']:g}, {change['scope']})."


def _past(situation: Situation) -> Iterator[str]:
    if situation.now is None:
        return
    yield f"It is {situation.time(situation.now)}. What began before can't be changed:"
    for row, entry in zip(situation.past, situation.timetable.get("begun") or [], strict=True):
        where = (
            f"{row.from_} to {row.to}"
            if row.moves
            else " ".join(filter(None, (row.item or row.activity, row.place and f"at {row.place}")))
        )
        ends = "ends" if entry.get("under_way") else "to"
        yield f"- {situation.time(row.start)} {ends} {situation.time(row.ends)} {row.kind} {where} ({', '.join(row.names)})"
