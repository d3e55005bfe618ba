"""What was found to be wrong in the world after a run had ended, as cards show it (R38)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.ports import Incident
from ui.models.run_words import ago, day_and_time

Json = Any


@dataclass(frozen=True)
class IncidentCard:
    """One incident. `closed` says who closed it and why; "" while it is open."""

    id: str
    run: str
    step: str
    what: str
    found: str
    evidence: Json
    closed: str


def incident_cards(incidents: Iterable[Incident], now: datetime) -> list[IncidentCard]:
    """Return incidents as cards: the open ones first, each group the newest first."""
    cards = [_card(incident, now) for incident in incidents]
    return sorted(cards, key=lambda card: bool(card.closed))


def _card(incident: Incident, now: datetime) -> IncidentCard:
    closed = ""
    if incident.closed_at is not None:
        closed = f"Closed by {incident.by} on {day_and_time(incident.closed_at)}: {incident.reason}"
    return IncidentCard(
        id=incident.id,
        run=incident.run_id,
        step=incident.step,
        what=incident.what[:1].upper() + incident.what[1:],
        found=f"found {ago(incident.at, now)}",
        evidence=incident.evidence,
        closed=closed,
    )
