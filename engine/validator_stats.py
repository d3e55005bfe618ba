"""What is kept about verdicts across runs: a row for each, and what the rows of a day come to. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from itertools import groupby

from engine.core.events import OutputAugmented, Recorded, Verdict, VerdictGiven
from engine.ports import Change, ValidatorDay, ValidatorStats

CAUGHT: frozenset[Verdict] = frozenset({"reject", "retry", "ask", "augment"})
OVERRULABLE: frozenset[Verdict] = frozenset({"ask", "augment"})
"""What a person can decide otherwise; `none` said nothing, and a rejection stands (R28)."""
EPOCH_DAY = date(1970, 1, 1).toordinal()
LONG_AGO = datetime.min.replace(tzinfo=UTC)
Subject = tuple[str, str, int, str]
"""Run, step, attempt, validator: what one verdict is about."""


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A verdict as it is kept beside the log; `overruled` says that a person let pass what it had found."""

    run_id: str
    seq: int
    at: datetime
    saga: str
    saga_hash: str
    step: str
    attempt: int
    validator: str
    kind: str
    check: str
    tier: str
    edge: str
    verdict: Verdict
    by: str
    evidence: str
    cost_usd: float
    tokens: int
    latency_s: float
    overruled: bool

    @property
    def subject(self) -> Subject:
        """What the verdict is about."""
        return self.run_id, self.step, self.attempt, self.validator


def verdict_rows(change: Change) -> list[VerdictRow]:
    """Return a row for each verdict in a change.

    `overruled` says only that a person's word might overrule: `settled` knows what was said before.
    """
    found = [recorded for recorded in change.events if recorded.event.type == "verdict_given"]
    if not found:
        return []
    return list(rows_of(change.run_id, change.row.saga, change.row.saga_hash, change.events))


def rows_of(run_id: str, saga: str, saga_hash: str, events: Iterable[Recorded]) -> Iterator[VerdictRow]:
    """Yield a row for each verdict among events of a run, in order; see `verdict_rows`."""
    consented: set[str] = set()
    for recorded in events:
        event = recorded.event
        if isinstance(event, OutputAugmented) and event.by:
            consented.add(event.step)
        if isinstance(event, VerdictGiven):
            if not event.by:
                consented.discard(event.step)
            yield VerdictRow(
                run_id=run_id, seq=recorded.seq, at=recorded.at, saga=saga, saga_hash=saga_hash, step=event.step,
                attempt=event.attempt, validator=event.validator,
                kind=event.kind or ("schema" if event.validator == "schema" else "rule"),
                check=event.check or "", tier=event.tier, edge=event.edge, verdict=event.verdict, by=event.by,
                evidence=event.evidence, cost_usd=_finite(event.cost_usd), tokens=event.tokens,
                latency_s=_finite(event.latency_s),
                overruled=bool(event.by) and event.verdict == "accept" and event.step not in consented,
            )  # fmt: skip


def _finite(number: float) -> float:
    """Return a number that every database can keep: a fact must not be lost over what a provider counts."""
    return number if math.isfinite(number) else 0.0


def settled(row: VerdictRow, said: Callable[[Subject], str | None]) -> VerdictRow:
    """Return a row that knows whether it overrules; `said` tells a validator's last word about the same."""
    if row.overruled and said(row.subject) not in OVERRULABLE:
        return replace(row, overruled=False)
    return row


@dataclass(slots=True)
class Tally:
    """What the verdicts of one validator on one step came to on one UTC day (counted from 1970)."""

    saga: str
    step: str
    validator: str
    day: int
    kind: str = ""
    check: str = ""
    tier: str = ""
    edge: str = ""
    ran: int = 0
    accepted: int = 0
    caught: int = 0
    augmented: int = 0
    fed_back: int = 0
    no_verdict: int = 0
    overruled: int = 0
    cost_usd: float = 0.0
    tokens: int = 0
    latency_s: float = 0.0
    worst_latency_s: float = 0.0
    last_at: datetime = LONG_AGO
    evidence: str = ""

    def add(self, row: VerdictRow) -> None:
        """Count a verdict; a person's word is no run of the validator."""
        self.kind, self.check, self.tier, self.edge = row.kind, row.check, row.tier, row.edge
        self.last_at = max(self.last_at, row.at)
        self.overruled += row.overruled
        if row.by:
            return
        self.ran += 1
        self.accepted += row.verdict == "accept"
        self.augmented += row.verdict == "augment"
        self.fed_back += row.verdict == "feedback"
        self.no_verdict += row.verdict == "none"
        self.cost_usd += row.cost_usd
        self.tokens += row.tokens
        self.latency_s += row.latency_s
        self.worst_latency_s = max(self.worst_latency_s, row.latency_s)
        if row.verdict in CAUGHT:
            self.caught += 1
            self.evidence = row.evidence


COUNTED = (
    "ran",
    "accepted",
    "caught",
    "augmented",
    "fed_back",
    "no_verdict",
    "overruled",
    "cost_usd",
    "tokens",
)
TALLY_COLUMNS = tuple(field.name for field in fields(Tally))
ROW_COLUMNS = tuple(field.name for field in fields(VerdictRow))
TallyKey = tuple[str, str, str, int]


def day_of(moment: datetime) -> int:
    """Return the UTC day of a moment, counted from 1970."""
    return moment.astimezone(UTC).date().toordinal() - EPOCH_DAY


def as_date(day: int) -> date:
    """Return the date of a day that is counted from 1970."""
    return date.fromordinal(day + EPOCH_DAY)


def tallies(rows: Iterable[VerdictRow]) -> dict[TallyKey, Tally]:
    """Return what rows come to, by saga, step, validator and day; in that order, so that writers agree."""
    found: dict[TallyKey, Tally] = {}
    for row in rows:
        key = (row.saga, row.step, row.validator, day_of(row.at))
        if key not in found:
            found[key] = Tally(*key)
        found[key].add(row)
    return dict(sorted(found.items()))


def stats_of(days: Mapping[TallyKey, Tally]) -> Iterator[ValidatorStats]:
    """Yield what the days of each validator come to; the days in the order of their keys."""
    for _, group in groupby(days.values(), key=lambda tally: (tally.saga, tally.step, tally.validator)):
        some = list(group)
        last = some[-1]
        sums = {name: sum(getattr(tally, name) for tally in some) for name in COUNTED}
        yield ValidatorStats(
            saga=last.saga, step=last.step, validator=last.validator, kind=last.kind, check=last.check,
            tier=last.tier, edge=last.edge, **sums,
            mean_latency_s=sum(tally.latency_s for tally in some) / max(sums["ran"], 1),
            worst_latency_s=max(tally.worst_latency_s for tally in some), last_at=last.last_at,
            evidence=next((tally.evidence for tally in reversed(some) if tally.caught), ""),
        )  # fmt: skip


def day_stats(tally: Tally) -> ValidatorDay:
    """Return one day of a validator."""
    return ValidatorDay(
        day=as_date(tally.day), ran=tally.ran, caught=tally.caught, overruled=tally.overruled, cost_usd=tally.cost_usd
    )  # fmt: skip
