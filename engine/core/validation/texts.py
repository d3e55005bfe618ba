"""What a text names: money, dates, ids, numbers; found by patterns whose time grows with the text only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from engine.core.validation.money import Amount, money_in, numbers_in

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?P<{name}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DATE = re.compile(
    r"(?<!\d)(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})(?!\d)"
    rf"|\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\.? (?:of )?{_MONTH.format(name='m1')},? (?P<y1>\d{{4}})\b"
    rf"|\b{_MONTH.format(name='m2')} (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y2>\d{{4}})\b",
    re.IGNORECASE,
)
_ID = re.compile(r"(?<![\w-])[A-Za-z]{1,8}(?:-[A-Za-z0-9]{2,16}){1,4}(?![\w-])")
_TIME = re.compile(r"(?<!\d)\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?(?!\d)")


@dataclass(frozen=True, slots=True)
class Named:
    """What a text names."""

    money: tuple[Amount, ...]
    dates: tuple[tuple[str, date | None], ...]
    ids: tuple[str, ...]
    numbers: tuple[Amount, ...]


def named_in(text: str, *, any_case: bool = False) -> Named:
    """Return what a text names; ids are in capitals unless `any_case`.

    What is one thing is not found again as another: the digits of a date are no numbers.
    """
    dates = list(_DATE.finditer(text))
    rest = _without(text, (match.span() for match in dates))
    ids = [match for match in _ID.finditer(rest) if _is_id(match[0], any_case=any_case)]
    rest = _without(rest, (match.span() for match in ids))
    money = money_in(rest)
    rest = _without(rest, (amount.span for amount in money))
    rest = _without(rest, (match.span() for match in _TIME.finditer(rest)))
    days = tuple((match[0], _day(match)) for match in dates)
    return Named(tuple(money), days, tuple(match[0] for match in ids), tuple(numbers_in(rest)))


def _is_id(word: str, *, any_case: bool) -> bool:
    return any(char.isdigit() for char in word) and (any_case or word == word.upper())


def _day(match: re.Match[str]) -> date | None:
    """Return the date that was found, or None where the calendar has no such day."""
    year = match["y"] or match["y1"] or match["y2"]
    day = match["d"] or match["d1"] or match["d2"]
    word = match["m1"] or match["m2"]
    month = int(match["m"]) if word is None else _MONTHS.index(word[:3].lower()) + 1
    try:
        return date(int(year), month, int(day))
    except ValueError:
        return None


def _without(text: str, spans: Iterator[tuple[int, int]]) -> str:
    """Return a text with blanks where the spans were, so that places stay what they are."""
    parts, last = [], 0
    for start, end in spans:
        parts += [text[last:start], " " * (end - start)]
        last = end
    return "".join([*parts, text[last:]])
