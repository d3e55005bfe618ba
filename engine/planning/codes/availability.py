"""availability: somebody or something takes part that is not (yet) there to take part.

- A person, group, car or job takes part before they are available: they have not landed, the car is not
  obtained, the day has not begun. The minutes to leave a terminal or to rent a car count where assumed.
  A pick-up may begin before and last until they are there; waiting for it is always allowed. Obtaining
  the vehicle counts from the arrival itself, and an event tells what happens, whoever it concerns.
- Who drives may not or can't: nobody drives, they have no vehicle, or it is another one's.
- An errand is done by somebody who is not among its performers; cooking that wants a performer names only
  people who are not there at any moment of it.
- A machine is down while an operation runs, or is not the one that the operation needs.
One violation for each row; who is too early is told once, at the first row.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.planning.codes.words import at, listed, numbers, span
from engine.planning.finding import Violation
from engine.planning.plan import Row
from engine.planning.problem import Task
from engine.planning.reading import Reading
from engine.planning.shop import operation_of
from engine.planning.times import TOLERANCE

ANYONE = {"anyone_home", "anyone"}


def find(reading: Reading) -> Iterator[Violation]:
    """Yield each row with somebody or something that can't take part."""
    told: set[str] = set()
    for row in reading.rows:
        reasons = [
            *_early(reading, row, told),
            *_driving(reading, row, told),
            *_performing(reading, row),
            *_machine(reading, row),
        ]
        if reasons:
            yield Violation(
                code="availability",
                rows=numbers([row]),
                required=listed(reasons),
                claimed=span(reading.case, row),
            )


def _early(reading: Reading, row: Row, told: set[str]) -> Iterator[str]:
    """Yield who and what of a row is not available yet."""
    if row.kind in {"wait", "state", "cook", "operation", "event"}:
        return
    if not row.moves and row.place not in reading.case.problem.places:
        return
    moment = row.ends if row.kind == "pickup" else row.start
    people = [reading.case.people[name] for name in reading.who(row)]
    obtains = any(
        reading.case.is_implied(task) and row in reading.work(task.id) for task in reading.case.tasks.values()
    )
    ready = {one.id: one.there if obtains else one.ready for one in people}
    car = reading.car(row) if row.moves else None
    if car is not None and not (car.driver in ready and ready[car.driver] == car.ready):
        ready[car.id] = car.ready
    for name, since in ready.items():
        if since is not None and moment < since - TOLERANCE and name not in told:
            told.add(name)
            yield f"{name} from {at(reading.case, since)}"


def _driving(reading: Reading, row: Row, told: set[str]) -> Iterator[str]:
    """Yield why nobody can drive a row, once for each driver."""
    if not row.moves:
        return
    driver = reading.driver(row)
    someone = reading.case.people.get(driver or "")
    reason = ""
    if someone is not None and someone.on_foot:
        return
    if driver is None:
        reason = "somebody who drives"
    elif someone is not None and someone.can_drive is False:
        reason = f"a driver: {driver} does not drive"
    elif (car := reading.car(row)) is None:
        reason = f"a vehicle: {driver} has none"
    elif car.driver is not None and car.driver != driver and row.agent != car.id:
        reason = f"{car.driver} to drive {car.id}"
    if reason and reason not in told:
        told.add(reason)
        yield reason


def _performing(reading: Reading, row: Row) -> Iterator[str]:
    for task in reading.case.tasks.values():
        if not task.performer or row not in reading.work(task.id):
            continue
        allowed = set(task.performer)
        names = {row.agent} if row.agent else set(row.names)
        if allowed & ANYONE:
            if names and _nobody_there(reading, task, row):
                yield f"somebody at {task.at} to do {task.id}"
        elif names and not names & allowed:
            yield f"{task.id} done by {' or '.join(task.performer)}"


def _nobody_there(reading: Reading, task: Task, row: Row) -> bool:
    """Whether none of those a row names is at the task's place at any moment of it."""
    spans = [span for name in reading.who(row) for span in reading.tracks[name].presence(task.at)]
    return bool(reading.who(row)) and not any(
        a < row.ends - TOLERANCE and b > row.start + TOLERANCE for a, b in spans
    )


def _machine(reading: Reading, row: Row) -> Iterator[str]:
    if row.kind != "operation":
        return
    known = operation_of(reading.case, row)
    if known is not None and known[0] != row.machine:
        yield f"{row.job}, operation {row.op} on machine {known[0]}"
    for out in reading.case.outages:
        if (
            out.machine == row.machine
            and row.start < out.until - TOLERANCE
            and out.since < row.ends - TOLERANCE
        ):
            yield f"machine {out.machine}, which is down {at(reading.case, out.since)}-{at(reading.case, out.until)}"
