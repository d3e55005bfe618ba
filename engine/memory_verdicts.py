"""The part of the store in memory that keeps verdicts across runs."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime

from engine.ports import LESSONS_FROM, ValidatorDay, ValidatorStats
from engine.validator_stats import Subject, VerdictRow, day_of, day_stats, settled, stats_of, tallies


class VerdictBook:
    """Every verdict that was given; counted when somebody asks."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()
        self._verdicts: list[VerdictRow] = []
        self._said: dict[Subject, str] = {}

    def note(self, rows: Iterable[VerdictRow]) -> None:
        """Keep verdicts, in the order in which they were given."""
        with self._lock:
            for row in rows:
                self._verdicts.append(settled(row, self._said.get))
                if not row.by:
                    self._said[row.subject] = row.verdict

    def validators(self, saga: str | None = None, since: datetime | None = None) -> list[ValidatorStats]:
        """Return how validators did, by saga, step and name."""
        first = None if since is None else day_of(since)
        wanted = (
            row
            for row in self._given()
            if saga in {None, row.saga} and (first is None or day_of(row.at) >= first)
        )
        return list(stats_of(tallies(wanted)))

    def verdict_days(self, saga: str, step: str, validator: str) -> list[ValidatorDay]:
        """Return the days on which a validator looked at a step, oldest first."""
        wanted = (saga, step, validator)
        rows = (row for row in self._given() if (row.saga, row.step, row.validator) == wanted)
        return [day_stats(tally) for tally in tallies(rows).values()]

    def lessons(self, saga: str, limit: int = 3) -> dict[str, list[str]]:
        """Return by step what validators noted in runs of that saga, the latest first."""
        noted: dict[str, list[str]] = {}
        rows = [row for row in self._given() if row.saga == saga and row.verdict == "feedback"]
        for row in sorted(rows, key=lambda row: (row.at, row.run_id, row.seq), reverse=True):
            noted.setdefault(row.step, []).append(f"{row.validator}: {row.evidence}")
        return {
            step: list(dict.fromkeys(said[:LESSONS_FROM]))[:limit] for step, said in sorted(noted.items())
        }

    def _given(self) -> list[VerdictRow]:
        with self._lock:
            return list(self._verdicts)
