"""Laws of the validators of code, on random values: they always answer, and find exactly what was broken."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import ExpressionError
from engine.core.validation import Finding, examine
from tests.core.test_validators_kinds import _VALIDATOR, finding

WORDS = st.sampled_from(
    ["2027-06-07", "2027-06-07T10:00Z", "9999-12-31", "0001-01-01T00:00+14:00", "USD 99", "1.234,50 EUR", "BER-4711",
     "hotel", "\x00", "²", "٣ USD", "2027-٠٦-07", "\ud800", "a" * 2000]
)  # fmt: skip
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 1e308, 5e-324, -0.0, 2**63])
LEAVES = st.none() | st.booleans() | NUMBERS | WORDS | st.text()
KEYS = st.sampled_from(["start", "end", "label", "category", "amount", "x"])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20)
EACH = [
    {"kind": "rule", "rule": "output == app.x"},
    {
        "kind": "schema",
        "schema": {"multipleOf": 0.1, "properties": {"start": {"pattern": "^a", "format": "date"}}},
    },
    {"kind": "facts", "facts": {"a": "output"}, "claims": {"a": "app.x"}, "tolerance": 1},
    {
        "kind": "facts",
        "facts": {"a": "output"},
        "text": "app.x",
        "look_for": ["money", "dates", "ids", "numbers"],
    },
    {"kind": "keeps", "keep": ["output"], "of": "app.x"},
    {"kind": "agree", "values": {"a": "output", "b": "app.x"}, "tolerance": 1},
    *(
        {"kind": "formats", "values": {"a": "output", "b": "app.x"}, "as": as_, "pattern": "a+"}
        for as_ in ("date", "datetime", "zone", "currency", "unit", "place", "pattern")
    ),
    {"kind": "order", "sequence": ["output", "app.x"], "gap_s": 1},
    {"kind": "dates", "cover": {"start": "'2027-06-01'", "end": "'2027-06-09'"}, "list": "output"},
    {
        "kind": "dates",
        "cover": {"start": "output", "end": "app.x"},
        "spans": [{"start": "app.x", "end": "output"}],
    },
    {"kind": "budget", "items": "output", "limits": {"x": "app.x"}, "total": "app.x"},
    {"kind": "budget", "amounts": {"x": "output"}, "limits": {"x": "app.x"}},
]


def answer(fields, output, other):
    """Return what a validator finds and its words, or the words alone where it can't be evaluated."""
    validator = _VALIDATOR.validate_python({"name": "v", **fields})
    try:
        result = examine(validator, {"output": output, "app": {"x": other}, "run": {}, "steps": {}})
    except ExpressionError as error:
        return False, str(error)
    assert isinstance(result, Finding)
    assert len(result.evidence) <= 300
    return result.held, result.evidence


@pytest.mark.parametrize("fields", EACH, ids=lambda fields: f"{fields['kind']} {fields.get('as', '')}")
@settings(max_examples=50)
@given(output=JSON, other=JSON)
def test_whatever_the_values_are_there_is_a_finding_or_a_word_on_what_is_wrong(fields, output, other):
    assert answer(fields, output, other)[1]


@pytest.mark.parametrize("fields", EACH[1:], ids=lambda fields: f"{fields['kind']} {fields.get('as', '')}")
def test_values_nested_too_deep_are_no_accept(fields):
    deep = []
    for _ in range(900):
        deep = [deep]
    held, said = answer(fields, deep, deep)
    assert not held
    assert said


DAYS = st.lists(st.integers(1, 9), min_size=1, max_size=8)


def partition(lengths):
    """Return a stay cut into spans of so many nights."""
    first = date(2027, 2, 25)
    cuts = [first + timedelta(days=sum(lengths[:n])) for n in range(len(lengths) + 1)]
    spans = [{"start": str(a), "end": str(b)} for a, b in pairwise(cuts)]
    return {"start": f"'{cuts[0]}'", "end": f"'{cuts[-1]}'"}, spans


@given(lengths=DAYS, data=st.data())
def test_any_partition_covers_a_stay_and_no_night_can_be_missing_or_double(lengths, data):
    cover, spans = partition(lengths)
    shuffled = data.draw(st.permutations(spans))
    assert finding("dates", shuffled, cover=cover, list="output").held
    victim = data.draw(st.integers(0, len(spans) - 1))
    start = date.fromisoformat(spans[victim]["start"])
    night = {"start": str(start), "end": str(start + timedelta(days=1))}
    double = finding("dates", [*shuffled, night], cover=cover, list="output")
    assert f"{night['start']} to {night['end']} is covered twice" in double.evidence
    shorter = [{**s, "start": night["end"]} if s == spans[victim] else s for s in spans]
    fewer = [s for s in shorter if s["start"] != s["end"]]
    assert (
        f"{night['start']} to {night['end']} is covered by nothing"
        in finding("dates", fewer, cover=cover, list="output").evidence
    )


MOMENTS = (
    st.lists(st.dates().map(str), min_size=2, max_size=5, unique=True)
    | st.lists(st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat), min_size=2, max_size=5, unique=True)
    | st.lists(st.integers(-(2**40), 2**40), min_size=2, max_size=5, unique=True)
)  # fmt: skip


@given(moments=MOMENTS, data=st.data())
def test_what_is_sorted_is_in_order_and_two_that_are_swapped_are_not(moments, data):
    ordered = sorted(moments)
    sequence = [f"output[{n}]" for n in range(len(ordered))]
    assert finding("order", ordered, sequence=sequence).held
    place = data.draw(st.integers(0, len(ordered) - 2))
    ordered[place], ordered[place + 1] = ordered[place + 1], ordered[place]
    swapped = finding("order", ordered, sequence=sequence)
    assert f"`output[{place + 1}]`" in swapped.evidence
    assert "comes before" in swapped.evidence
    assert not swapped.held


CENTS = st.lists(st.tuples(st.sampled_from(["hotel", "food", "train"]), st.integers(0, 10**7)), max_size=20)


@given(cents=CENTS)
def test_a_limit_of_just_what_is_spent_holds_and_a_cent_less_does_not(cents):
    items = [{"category": category, "amount": amount / 100} for category, amount in cents]
    total = sum(amount for _, amount in cents)
    assert finding("budget", items, items="output", total=str(total / 100)).held
    assert not finding("budget", items, items="output", total=str((total - 1) / 100)).held


@given(text=st.text(), other=st.text())
def test_a_text_keeps_itself_whatever_stands_around_it(text, other):
    try:
        assert finding("keeps", f"{other} {text} {other}", keep=["app.kept"], app={"kept": text}).held
    except ExpressionError:
        assert not text.isprintable() or not other.isprintable()
