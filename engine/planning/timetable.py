"""From a plan to the activities of a run, and from a run's log back to the rows that are past or under way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.planning.case import Case
from engine.planning.plan import Plan, Row
from engine.planning.problem import Disruption, Problem
from engine.planning.reading import Reading
from engine.planning.times import TOLERANCE, read_time, write_time

Json = Any
SILENT = {"state"}
"""Rows that only say how things stand: nothing is done in them."""
MAX_ID = 48


def activities_of(
    case: Case, rows: Iterable[Row], before: Mapping[str, Json] | None = None
) -> dict[str, Json]:
    """Return a step for each row of a plan, by id: each needs what comes before it for everyone and everything in it.

    `before` are activities that have begun, by id, oldest first: what is ahead follows them.
    """
    reading = Reading(case, Plan(id="plan", rows=tuple(rows)))
    last: dict[str, str] = {}
    for name, begun in (before or {}).items():
        for actor in _busy(begun.get("kind", ""), begun.get("who", ()), begun.get("uses", ())):
            last[actor] = name
    found: dict[str, Json] = {}
    for row in reading.rows:
        if row.kind in SILENT:
            continue
        body = _activity(reading, row)
        call = body["with"]
        actors = _busy(call["kind"], call.get("who", ()), call.get("uses", ()))
        name = _name(row, {*found, *(before or {})})
        needs = list(dict.fromkeys(last[actor] for actor in actors if actor in last))
        found[name] = {**body, "needs": needs} if needs else body
        last.update(dict.fromkeys(actors, name))
    return found


def _busy(kind: str, who: Iterable[str], uses: Iterable[str]) -> list[str]:
    """Return who and what can do nothing else meanwhile; cooking only wants somebody about."""
    return [] if kind == "cook" else [*who, *uses]


def _activity(reading: Reading, row: Row) -> Json:
    case = reading.case
    call: dict[str, Json] = {"kind": row.kind, "start": _time(case, row.start)}
    what = f"{row.job}.{row.op}" if row.kind == "operation" else row.item or row.activity
    call |= {"what": what} if what else {}
    who = reading.who(row)
    call |= {"who": list(who)} if who else {}
    if row.kind == "operation":
        call |= {"uses": [f"{row.machine}", f"{row.job}"], "minutes": row.ends - row.start}
    elif row.moves:
        car = reading.car(row)
        call |= {"uses": [car.id]} if car is not None else {}
        call |= {"from": row.from_, "to": row.to, "minutes": _undisturbed(case, row)}
    else:
        call |= {"place": row.place} if row.place else {}
        call |= {"minutes": row.ends - row.start}
    return {"kind": "activity", "title": _title(row), "with": call}


def _undisturbed(case: Case, row: Row) -> float:
    """Return how long a way takes with nothing to slow it down: as planned, or, where that counts on a slow-down, by itself."""
    here, there, took = row.from_ or "", row.to or "", row.ends - row.start
    base, needed = case.travel.base(here, there), case.travel.needed(here, there, row.start)
    if base is None or needed is None:
        return took
    return base if needed > base + TOLERANCE else max(base, took)


def _title(row: Row) -> str:
    who = row.agent or ", ".join(row.people[:3])
    if row.moves:
        said = f"{who}: {row.from_} to {row.to}"
    elif row.kind == "operation":
        said = f"{row.job}, operation {row.op} on {row.machine}"
    else:
        said = ": ".join(part for part in (who, row.item or row.activity or row.kind) if part)
    return said[:120]


def _name(row: Row, taken: set[str]) -> str:
    parts = [row.kind, row.agent or "", row.item or row.activity if not row.moves else row.to or ""]
    if row.kind == "operation":
        parts = [str(row.job), str(row.op), str(row.machine)]
    word = re.sub(r"[^a-z0-9]+", "_", "_".join(part for part in parts if part).lower()).strip("_")
    word = (word if word[:1].isalpha() else f"a_{word}")[: MAX_ID - 4].rstrip("_")
    name, number = word, 1
    while name in taken:
        number += 1
        name = f"{word}_{number}"
    return name


def rows_of(timetable: Mapping[str, Json], which: str = "begun") -> list[Row]:
    """Return the rows of what has begun in a run, as it really was or will be, or of what is `ahead`."""
    return [_row(n, entry) for n, entry in enumerate(timetable.get(which) or [], start=1)]


def _row(n: int, entry: Mapping[str, Json]) -> Row:
    who = list(entry.get("who") or [])
    start = float(read_time(entry.get("start") or 0))
    end = read_time(entry["end"]) if "end" in entry else start + float(entry.get("minutes") or 0)
    row: dict[str, Json] = {"n": n, "kind": entry.get("kind", "work"), "start": start, "end": end}
    if row["kind"] == "operation":
        machine, job = entry["uses"]
        return Row.model_validate(
            {**row, "job": job, "machine": machine, "op": int(str(entry["what"]).rsplit(".", 1)[-1])}
        )
    if row["kind"] not in {"event", "cook"} and who:
        row["agent"] = who[0]
    for key in ("from", "to", "place"):
        if entry.get(key):
            row[key] = entry[key]
    if entry.get("what"):
        row["activity" if row["kind"] == "event" else "item"] = entry["what"]
    return Row.model_validate({**row, "people": who})


def now_of(timetable: Mapping[str, Json]) -> float | None:
    """Return the moment from which on is planned, or None where nothing has begun and nothing has changed."""
    if not timetable.get("begun") and not timetable.get("changes"):
        return None
    return float(read_time(timetable["now"]))


def with_changes(problem: Problem, timetable: Mapping[str, Json]) -> Problem:
    """Return the problem as the world has become: with what changed while the run was under way."""
    known = {one.id for one in problem.disruptions}
    changes = [
        Disruption.model_validate(change) for change in timetable.get("changes") or [] if change["id"] not in known
    ]  # fmt: skip
    return (
        problem.model_copy(update={"disruptions": (*problem.disruptions, *changes)}) if changes else problem
    )


def retimed(case: Case, past: Sequence[Row], now: float | None, timetable: Mapping[str, Json]) -> list[Row]:
    """Return the rows begun, and those ahead as what changed pushes them along."""
    rows, free = list(past), dict[str, float]()
    for row, entry in zip(past, timetable.get("begun") or [], strict=True):
        free.update(dict.fromkeys(_actors(entry), row.ends))
    ahead = zip(rows_of(timetable, "ahead"), timetable.get("ahead") or [], strict=True)
    for row, entry in sorted(ahead, key=_by_start):
        ready = [case.ready(name) or 0.0 for name in entry.get("who") or ()]
        start = max([row.start, now or 0.0, *ready, *(free.get(actor, 0.0) for actor in _actors(entry))])
        took = row.ends - row.start
        if row.moves:
            took = case.travel.needed(row.from_ or "", row.to or "", start) or took
        rows.append(row.model_copy(update={"n": len(rows) + 1, "start": start, "end": start + took}))
        free.update(dict.fromkeys(_actors(entry), start + took))
    return rows


def _actors(entry: Mapping[str, Json]) -> list[str]:
    return _busy(entry.get("kind", ""), entry.get("who") or (), entry.get("uses") or ())


def _by_start(pair: tuple[Row, Json]) -> float:
    return pair[0].start


def _time(case: Case, moment: float) -> Json:
    return write_time(moment, clock=case.problem.has_clock)
