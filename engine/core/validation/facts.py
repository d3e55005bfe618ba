"""`facts`: what an output says against what is recorded; a contradiction is named with both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from engine.core.errors import ExpressionError
from engine.core.expressions import Scope
from engine.core.validation.finding import Finding
from engine.core.validation.money import CURRENCIES, Amount
from engine.core.validation.texts import Named, named_in
from engine.core.validation.values import (
    flat,
    found,
    is_number,
    listed,
    near,
    same,
    shown,
    value_of,
    whole_text,
)
from engine.core.validators import FactsValidator

Json = Any
MAX_COMPARED = 20_000


def facts(validator: FactsValidator, scope: Scope) -> Finding:
    """Find claims that differ from the fact of their name, and what a text names that no fact knows."""
    recorded = {name: value_of(source, scope) for name, source in validator.facts.items()}
    claims = {name: value_of(source, scope) for name, source in validator.claims.items()}
    wrong = [*_claimed(claims, recorded, validator.tolerance)]
    if validator.text:
        wrong += _said(value_of(validator.text, scope), recorded, validator)
    agreed = ", ".join(f"{name} = {shown(value)}" for name, value in claims.items())
    return found(wrong, agreed or "what the text names is recorded")


def _claimed(claims: dict[str, Json], recorded: dict[str, Json], tolerance: float) -> Iterator[str]:
    for name, claim in claims.items():
        fact = recorded.get(name)
        if not _agrees(claim, fact, tolerance):
            yield f"output says {name} = {shown(claim)}, recorded: {shown(fact)}"


def _agrees(claim: Json, fact: Json, tolerance: float) -> bool:
    """Return whether a claim is the fact; of a recorded list each claim must be a member."""
    if isinstance(fact, list) and not same(claim, fact, tolerance, ignore_case=True):
        members = claim if isinstance(claim, list) else [claim]
        _bounded(len(members), len(fact))
        return all(any(_equal(member, one, tolerance) for one in fact) for member in members)
    return _equal(claim, fact, tolerance)


def _bounded(said: int, recorded: int) -> None:
    if said * recorded > MAX_COMPARED:
        raise ExpressionError(f"{said:,} values against {recorded:,} recorded ones are too many to compare")


def _equal(claim: Json, fact: Json, tolerance: float) -> bool:
    if isinstance(claim, str) and is_number(fact):
        return any(near(number, fact, tolerance) for number in _only_number(claim))
    if isinstance(fact, str) and is_number(claim):
        return any(near(number, claim, tolerance) for number in _only_number(fact))
    return same(claim, fact, tolerance, ignore_case=True)


def _only_number(text: str) -> Iterable[float]:
    """Return what the only number of a short text may mean, such as that of `$480.00`."""
    named = named_in(text[:40])
    amounts = [*named.money, *named.numbers]
    return amounts[0].readings if len(amounts) == 1 else ()


def _said(text: Json, recorded: dict[str, Json], validator: FactsValidator) -> list[str]:
    if text is None or isinstance(text, bool):
        return [f"`{validator.text}` is {shown(text)}, no text to look into"]
    said = named_in(whole_text(str(each) for each in flat(text) if each is not None))
    known = _Record(flat(list(recorded.values())))
    _bounded(len(said.money) + len(said.numbers), known.size)
    looks = {"money": known.money, "dates": known.dates, "ids": known.ids, "numbers": known.numbers}
    return [problem for what in validator.look_for for problem in looks[what](said, validator.tolerance)]


class _Record:
    """What the recorded facts hold, by what it may be compared with."""

    def __init__(self, values: list[Json]) -> None:
        texts = [value for value in values if isinstance(value, str)]
        named = named_in(whole_text(texts), any_case=True)
        codes = frozenset(text.strip() for text in texts) & CURRENCIES
        bare = [(float(value), codes) for value in values if is_number(value) and abs(value) < 1e300]
        inside = [(number, codes) for amount in named.numbers for number in amount.readings]
        in_money = [(number, amount.codes) for amount in named.money for number in amount.readings]
        self._amounts = list(dict.fromkeys([*bare, *in_money, *inside]))
        self.size = len(self._amounts)
        self._days = {day for _, day in named.dates}
        self._ids = {name.casefold() for name in named.ids}

    def money(self, said: Named, tolerance: float) -> Iterator[str]:
        """Yield amounts of money that are not recorded, or are so in another currency."""
        for amount in said.money:
            if not self._has(amount, tolerance):
                shown_amounts = listed(
                    f"{number:g} {'/'.join(sorted(codes))}".strip() for number, codes in self._amounts
                )
                yield f"text says {amount.words}, recorded: {shown_amounts or 'no amount'}"

    def dates(self, said: Named, _tolerance: float) -> Iterator[str]:
        """Yield dates that are not recorded, and such as the calendar does not have."""
        for words, day in said.dates:
            if day is None:
                yield f"text says {words}, and there is no such day"
            elif day not in self._days:
                known = listed(sorted(str(each) for each in self._days if each))
                yield f"text says {words}, recorded: {known or 'no date'}"

    def ids(self, said: Named, _tolerance: float) -> Iterator[str]:
        """Yield ids that are not recorded."""
        for name in said.ids:
            if name.casefold() not in self._ids:
                yield f"text says {name}, recorded: {listed(sorted(i.upper() for i in self._ids)) or 'no id'}"

    def numbers(self, said: Named, tolerance: float) -> Iterator[str]:
        """Yield numbers that are not recorded."""
        for number in said.numbers:
            if not self._has(number, tolerance):
                known = listed(f"{each:g}" for each, _ in self._amounts)
                yield f"text says {number.words}, recorded: {known or 'no number'}"

    def _has(self, amount: Amount, tolerance: float) -> bool:
        return any(
            near(said, number, tolerance) and not (codes and amount.codes and not codes & amount.codes)
            for said in amount.readings
            for number, codes in self._amounts
        )
