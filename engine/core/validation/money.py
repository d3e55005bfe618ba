"""Numbers and amounts of money as people write them, and the currencies there are (ISO 4217)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR
LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN
PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW
ZWG
"""
CURRENCIES = frozenset(_CODES.split())
_UNITS = {
    "€": {"EUR"}, "£": {"GBP"}, "¥": {"JPY", "CNY"}, "$": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"},
    "euro": {"EUR"}, "dollar": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD"}, "pound": {"GBP", "EGP"},
    **{code: {code} for code in CURRENCIES},
}  # fmt: skip
NUMBER = r"\d{1,15}(?:[.,']\d{3}){1,5}(?:[.,]\d{1,2})?(?!\d)|\d{1,15}(?:[.,]\d{1,9})?(?!\d)"
_NUMBER = re.compile(rf"(?<![\w.,])-?(?:{NUMBER})(?!\w)")
_CODE = "|".join(_CODES.split())
_MONEY = re.compile(
    rf"(?P<before>(?<!\w)(?:{_CODE})(?=\s)|[$€£¥])\s?(?P<amount>{NUMBER})"  # `CAD877` may be a booking's name
    rf"|(?<![\w.,])(?P<first>{NUMBER})(?:\s(?P<after>(?:{_CODE}|euro|dollar|pound)(?=s?\b))|\s?(?P<sign>[$€£¥]))"
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as it stands in a text.

    Attributes:
        words: as it is written.
        span: where it stands.
        readings: the numbers it may mean; `1.234` is 1234 in Berlin and 1.234 in London.
        codes: the currencies it may be in; none where none is said.
    """

    words: str
    span: tuple[int, int]
    readings: frozenset[float]
    codes: frozenset[str] = frozenset()


def money_in(text: str) -> list[Amount]:
    """Return the amounts in a text that say their currency, before or after the number."""
    found = []
    for match in _MONEY.finditer(text):
        unit = match["before"] or match["after"] or match["sign"]
        number = match["amount"] or match["first"]
        found.append(Amount(match[0], match.span(), readings(number), frozenset(_UNITS[unit])))
    return found


def numbers_in(text: str) -> list[Amount]:
    """Return the numbers in a text that are not part of a word."""
    return [Amount(match[0], match.span(), readings(match[0])) for match in _NUMBER.finditer(text)]


def readings(words: str) -> frozenset[float]:
    """Return the numbers that a written number may mean."""
    digits = words.replace("'", "")
    marks = [mark for mark in digits if mark in ".,"]
    if not marks:
        return frozenset({float(digits)})
    if len(set(marks)) == 2 or len(marks) == 1:
        last = marks[-1]
        other = "," if last == "." else "."
        with_decimals = (
            {float(digits.replace(other, "").replace(last, "."))} if marks.count(last) == 1 else set()
        )
        grouped = len(marks) == 1 and re.fullmatch(r"-?[1-9]\d{0,2}[.,]\d{3}", digits)
        return frozenset(with_decimals | ({float(digits.replace(last, ""))} if grouped else set()))
    return frozenset({float(digits.replace(marks[0], ""))})
