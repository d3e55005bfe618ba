"""Reads a plan as written: for each person and vehicle the legs and stays in order, and where they are when."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import inf

from engine.planning.case import Car, Case
from engine.planning.history import Past, past_of, said_goal
from engine.planning.plan import Plan, Row
from engine.planning.walk import Step, Track, Walk

EVERYBODY = {"all", "everyone", "everybody"}
HOLDING = {"errand", "pickup", "visit"}


class Reading:
    """A plan, read against a case."""

    def __init__(self, case: Case, plan: Plan, base: Plan | None = None) -> None:
        self.case, self.plan, self.base = case, plan, base
        self.rows = _joined(sorted(plan.rows, key=lambda row: (row.start, row.ends, row.n)))

    @cached_property
    def past(self) -> dict[str, Past]:
        """What was recorded, by who."""
        return past_of(self.plan.history, self.case, self.plan.now)

    def who(self, row: Row) -> tuple[str, ...]:
        """Return the people of the problem who take part in a row; `all` is everybody."""
        if any(name.lower() in EVERYBODY for name in row.people):
            return tuple(self.case.people)
        return tuple(name for name in row.names if name in self.case.people)

    def driver(self, row: Row) -> str | None:
        """Return who drives: the agent, or the first of the people who may."""
        if row.agent:
            return row.agent
        return next((name for name in row.people if self.case.own_car(name)), None)

    def car(self, row: Row) -> Car | None:
        """Return the vehicle of a drive: the one it names, or the driver's own."""
        if row.vehicle is not None:
            return self.case.cars.get(row.vehicle)
        driver = self.driver(row)
        return self.case.own_car(driver) if driver else None

    def arrival(self, row: Row) -> float:
        """Return when a drive ends: as claimed, or as long as it takes where the row does not say."""
        if row.end is not None or row.from_ is None or row.to is None:
            return row.ends
        return row.start + (self.case.travel.needed(row.from_, row.to, row.start) or 0)

    @cached_property
    def tracks(self) -> dict[str, Track]:
        """The ways of all people and vehicles, in the order that breaks the fewest rows: by time, or as numbered."""
        by_time, as_numbered = (
            self._all_tracks(self.rows),
            self._all_tracks(sorted(self.rows, key=lambda row: row.n)),
        )
        return min((by_time, as_numbered), key=_broken)

    def _all_tracks(self, rows: list[Row]) -> dict[str, Track]:
        people = [self._track(one.id, one.start, one.ready, rows) for one in self.case.people.values()]
        cars = [self._track(one.id, one.start, one.ready, rows) for one in self.case.cars.values()]
        return {track.who: track for track in (*people, *cars)}

    def _track(self, who: str, place: str, ready: float | None, rows: list[Row]) -> Track:
        person = self._person(who)
        someone = self.case.people.get(who)
        goal = someone.must_be[0].at if someone is not None and someone.must_be else None
        track = Track(who, place, -inf if ready is None else ready)
        return Walk(track, goal, self.past.get(person)).through(list(self._steps(who, rows)))

    def _steps(self, who: str, rows: list[Row]) -> Iterator[Step]:
        """Yield the rows that concern somebody, or a vehicle; the names in a cooking row claim no presence."""
        for row in rows:
            if row.moves:
                if who in self._movers(row):
                    yield Step(row, arrival=self.arrival(row))
            elif who in self.who(row) and row.kind != "cook":
                goal = said_goal(row, self.case)
                if goal is not None:
                    yield Step(row, goal=goal)
                elif row.place in self.case.problem.places:
                    yield Step(row, holds=row.kind in HOLDING, binding=not self._is_event(row))

    def _person(self, who: str) -> str:
        """Return whose history tells where a vehicle is: its driver's."""
        car = self.case.cars.get(who)
        return car.driver if car is not None and car.driver else who

    def _movers(self, row: Row) -> set[str]:
        """Return the people and the vehicle of a drive; one that the driver may not take stays where it is."""
        car = self.car(row)
        takes = car is not None and car.driver in {None, self.driver(row)}
        return {*self.who(row), *({car.id} if car is not None and takes else ())}

    def work(self, task: str) -> list[Row]:
        """Return the rows that do a task, by its id or, where none says it, at its place."""
        named = [row for row in self.rows if row.item == task and row.kind not in {"event", "state", "wait"}]
        if named:
            return named
        by_word = [
            row for row in self.rows if row.activity == task and row.kind in {"errand", "cook", "visit"}
        ]
        if by_word:
            return by_word
        one = self.case.tasks[task]
        kinds = {"visit", "errand"} if one.kind == "visit" else {one.kind}
        return [
            row for row in self.rows
            if row.kind in kinds and row.item is None and not row.activity and row.place == one.at and one.at
        ]  # fmt: skip

    def events(self) -> Iterator[tuple[str, Row]]:
        """Yield the rows that are an event of the problem, with its task's id."""
        for row in self.rows:
            name = self._is_event(row)
            if name:
                yield name, row

    def _is_event(self, row: Row) -> str:
        """Return the task whose event a row is; empty where it is none."""
        named = [self.case.tasks[name] for name in (row.item, row.activity) if name in self.case.tasks]
        return next((task.id for task in named if row.kind == task.kind == "event"), "")


def _broken(tracks: dict[str, Track]) -> tuple[int, int]:
    """Return how many rows break, and how many of them are not even believed."""
    rows = {one.row.n for track in tracks.values() for one in track.breaks}
    return len(rows), sum(track.disbelieved for track in tracks.values())


def _joined(rows: list[Row]) -> list[Row]:
    """Return the rows with a way that is told in parts (before and after an alert, say) as one way."""
    found: list[Row] = []
    for row in rows:
        before = next((n for n, one in enumerate(found) if row.moves and _goes_on(one, row)), None)
        if before is None:
            found.append(row)
        else:
            found[before] = found[before].model_copy(update={"end": row.end})
    return found


def _goes_on(first: Row, second: Row) -> bool:
    alike = (first.kind, first.agent, first.from_, first.to) == (
        second.kind,
        second.agent,
        second.from_,
        second.to,
    )
    return (
        alike
        and set(first.names) == set(second.names)
        and first.end == second.start
        and first.start < second.start
    )
