"""`dates`: spans that cover a stay without gap or overlap; the last day of a span is not part of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.core.expressions import Scope
from engine.core.validation.finding import Finding
from engine.core.validation.moments import day_of
from engine.core.validation.values import MAX_VALUES, found, shown, value_of
from engine.core.validators import DatesValidator, Span

Json = Any


@dataclass(frozen=True, slots=True, order=True)
class Stay:
    """From one day up to another."""

    start: date
    end: date
    label: str

    def __str__(self) -> str:
        return f"{self.label + ': ' if self.label else ''}{self.start} to {self.end}"


def dates(validator: DatesValidator, scope: Scope) -> Finding:
    """Find nights that nothing covers, that are covered twice, and spans that lie outside."""
    cover = _stay(value_of(validator.cover.start, scope), value_of(validator.cover.end, scope), "")
    stays = _listed(value_of(validator.list_, scope)) if validator.list_ else _spans(validator.spans, scope)
    wrong = [f"{label}: {each}" for label, each in [("cover", cover)] if isinstance(each, str)]
    wrong += [each for each in stays if isinstance(each, str)]
    known = sorted(each for each in stays if isinstance(each, Stay))
    if isinstance(cover, Stay) and not wrong:
        wrong = [*_uncovered(cover, known, gaps=validator.gaps), *_double(known, overlaps=validator.overlaps)]
    return found(
        wrong, f"{cover} is covered by {', '.join(map(str, known[:6])) or 'nothing, and needs nothing'}"
    )


def _spans(spans: tuple[Span, ...], scope: Scope) -> list[Stay | str]:
    return [
        _stay(value_of(span.start, scope), value_of(span.end, scope), span.label or f"span {number}")
        for number, span in enumerate(spans, 1)
    ]


def _listed(value: Json) -> list[Stay | str]:
    if not isinstance(value, list) or len(value) > MAX_VALUES:
        return [f"{shown(value)} is no list of up to {MAX_VALUES:,} spans with `start` and `end`"]
    return [
        _stay(item.get("start"), item.get("end"), _label(item, number))
        if isinstance(item, dict)
        else f"span {number} is {shown(item)}, not `{{start, end}}`"
        for number, item in enumerate(value, 1)
    ]


def _label(item: dict[str, Json], number: int) -> str:
    label = item.get("label") or item.get("name")
    return label[:60] if isinstance(label, str) else f"span {number}"


def _stay(start: Json, end: Json, label: str) -> Stay | str:
    """Return the stay, or what is wrong with it."""
    first, last = day_of(start), day_of(end)
    at = f"{label}: " if label else ""
    for value, day in ((start, first), (end, last)):
        if day is None:
            return f"{at}{shown(value)} is no date such as 2027-06-07"
    assert first is not None
    assert last is not None
    if last < first or (label and last == first):
        return f"{at}{first} to {last} has no night"
    return Stay(first, last, label)


def _uncovered(cover: Stay, known: list[Stay], *, gaps: bool) -> Iterator[str]:
    reached = cover.start
    for stay in known:
        if stay.start > reached and not gaps:
            yield f"{reached} to {min(stay.start, cover.end)} is covered by nothing"
        if stay.start < cover.start or stay.end > cover.end:
            yield f"{stay} lies outside {cover}"
        reached = max(reached, min(stay.end, cover.end))
    if reached < cover.end and not gaps:
        yield f"{reached} to {cover.end} is covered by nothing"


def _double(known: list[Stay], *, overlaps: bool) -> Iterator[str]:
    longest: Stay | None = None
    for stay in () if overlaps else known:
        if longest is not None and stay.start < longest.end:
            both = f"{stay.start} to {min(stay.end, longest.end)}"
            yield f"{both} is covered twice, by {longest} and {stay}"
        longest = stay if longest is None or stay.end > longest.end else longest
