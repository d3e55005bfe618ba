"""The list of runs: filters as the store takes them, rows and numbers as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from engine.core.run import CLOSED, RunStatus
from engine.ports import RunFilter, RunRow
from ui.models.run_numbers import Number
from ui.models.run_words import ago, counted, money, row_headline
from ui.models.status import Family, run_look
from ui.models.timeline import duration_words

HELP: Final = "Needs attention"
PEOPLE: Final = "Waiting for people"
STATUSES: Final[dict[str, tuple[RunStatus, ...]]] = {
    "Running": ("running", "draining"),
    "Repairing": ("repairing",),
    "Rolling back": ("compensating",),
    HELP: ("needs_attention",),
    "Completed": ("completed",),
    "Compensated": ("compensated", "compensated_with_exceptions"),
    "Abandoned": ("abandoned",),
}
PERIODS: Final[dict[str, timedelta | None]] = {
    "1 h": timedelta(hours=1),
    "24 h": timedelta(days=1),
    "7 d": timedelta(days=7),
    "All": None,
}
DAY: Final = timedelta(days=1)
SUMMED: Final = 500
"""How many of the newest runs the cost and the trends look at."""


@dataclass(frozen=True)
class RunLine:
    """A run in the table. `progress` is 0 to 100; while it goes back, of what is to be undone."""

    id: str
    title: str
    word: str
    family: Family
    progress: int
    steps: str
    took: str
    started: str
    by: str
    fault: str


def run_filter(pills: Sequence[str], saga: str | None, period: str, text: str, now: datetime) -> RunFilter:
    """Return what the filters of the page mean to the store."""
    span = PERIODS.get(period)
    return RunFilter(
        statuses=tuple(status for pill in pills for status in STATUSES.get(pill, ())),
        saga=saga,
        text=text.strip(),
        since=now - span if span else None,
        waiting_for_people=PEOPLE in pills,
        needs_help=HELP in pills,
    )


def run_lines(rows: Sequence[RunRow], now: datetime) -> list[RunLine]:
    """Return the rows of the table."""
    return [_line(row, now) for row in rows]


def _line(row: RunRow, now: datetime) -> RunLine:
    head = row_headline(row)
    done, whole, steps = _progress(row)
    return RunLine(
        id=row.id,
        title=row.title,
        word=head.word,
        family=run_look(head.status).family,
        progress=round(100 * done / whole) if whole else 0,
        steps=steps,
        took=duration_words((row.ended_at or now) - row.started_at),
        started=ago(row.started_at, now),
        by=row.by,
        fault=f"Overcome: {row.fault}" if row.fault and row.status == "completed" else row.fault,
    )


def _progress(row: RunRow) -> tuple[int, int, str]:
    """Return how much is done, of how much, and that in words; while it goes back, of what is to be undone."""
    if row.planned:
        return row.undone, row.planned, f"{row.undone} of {row.planned} undone"
    if row.status == "compensated":
        return 1, 1, "nothing to undo"
    return row.done, row.steps, f"{row.done} of {row.steps} done"


def badge_colours(lines: Sequence[RunLine]) -> dict[str, Family]:
    """Return the colour of each status word that the table shows."""
    return {line.word: line.family for line in lines}


def run_metrics(
    counts: Mapping[str, int], waiting: int, recent: Sequence[RunRow], now: datetime
) -> tuple[Number, ...]:
    """Return the numbers above the list; `counts` and `recent` are of the last 24 hours."""
    started = sum(counts.values())
    closed = sum(counts.get(status, 0) for status in CLOSED)
    completed = counts.get("completed", 0)
    back = counts.get("compensated", 0) + counts.get("compensated_with_exceptions", 0)
    share = f"{100 * completed / closed:.0f} %" if closed else "—"
    exceptions = counts.get("compensated_with_exceptions", 0)
    cost = sum(row.cost_usd for row in recent)
    tokens = sum(row.tokens for row in recent)
    trends = _trends(recent, now)
    said = f"{exceptions} with exceptions" if exceptions else "nothing left behind" if back else "none"
    return (
        Number("Started, 24 h", f"{started:,}", f"{started - closed} open", trends[0]),
        Number(
            "Completed", share, f"{completed} of {closed} ended" if closed else "none has ended", trends[1]
        ),
        Number("Compensated", f"{back:,}", said, trends[2]),
        Number("Waiting for people", f"{waiting:,}", counted(waiting, "run") + " in all"),
        Number("Model cost, 24 h", money(cost), f"{tokens:,} tokens", trends[3]),
    )


def _trends(recent: Sequence[RunRow], now: datetime) -> tuple[tuple[float, ...], ...]:
    """Return runs started, completed and compensated, and their cost, by hour; nothing for a single hour."""
    series = [[0.0] * 24 for _ in range(4)]
    for row in recent:
        hour = 23 - int((now - row.started_at) / timedelta(hours=1))
        if 0 <= hour < 24:
            series[0][hour] += 1
            series[1][hour] += row.status == "completed"
            series[2][hour] += row.status in {"compensated", "compensated_with_exceptions"}
            series[3][hour] += row.cost_usd
    several = sum(count > 0 for count in series[0]) > 1
    return tuple(tuple(values) if several else () for values in series)


def pill_counts(counts: Mapping[str, int], waiting: int, helpless: int) -> dict[str, str]:
    """Return the label of each status pill: its word and how many runs there are."""
    labels = {PEOPLE: waiting} | {
        word: sum(counts.get(status, 0) for status in statuses) for word, statuses in STATUSES.items()
    }
    labels[HELP] = helpless
    return {word: f"{word} {count:,}" for word, count in labels.items()}


def table_data(lines: Sequence[RunLine]) -> dict[str, list[Any]]:
    """Return the lines as columns, as `st.dataframe` takes them."""
    return {
        "open": [":material/open_in_full: Open"] * len(lines),
        "id": [f"run?id={line.id}" for line in lines],
        "title": [line.title for line in lines],
        "status": [[line.word] for line in lines],
        "progress": [line.progress for line in lines],
        "steps": [line.steps for line in lines],
        "took": [line.took for line in lines],
        "started": [line.started for line in lines],
        "by": [line.by for line in lines],
        "fault": [line.fault for line in lines],
    }
