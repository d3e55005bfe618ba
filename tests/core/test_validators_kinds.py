"""Each kind of validator: what it must catch, with the words that say so, and near misses it must let pass."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from engine.core.errors import ExpressionError
from engine.core.validation import examine
from engine.core.validators import Validator

_VALIDATOR = TypeAdapter(Validator)


def finding(kind, output=None, *, steps=None, app=None, **fields):
    """Return what a validator finds about an output, beside what other steps gave."""
    known = {name: {"status": "committed", "output": value} for name, value in (steps or {}).items()}
    scope = {"output": output, "steps": known, "app": app or {}, "run": {"input": {}}}
    return examine(_VALIDATOR.validate_python({"name": "v", "kind": kind, **fields}), scope)


def catches(said, kind, output=None, **more):
    result = finding(kind, output, **more)
    assert not result.held
    assert said in result.evidence
    assert len(result.evidence) <= 300


def passes(kind, output=None, **more):
    result = finding(kind, output, **more)
    assert result.held, result.evidence


def test_a_rule_names_the_values_it_speaks_of():
    rule = {"rule": "output.total <= app.limit && output.names.size() > 0"}
    catches(
        "output.total = 812, app.limit = 800",
        "rule",
        {"total": 812, "names": ["x"]},
        app={"limit": 800},
        **rule,
    )
    passes("rule", {"total": 800, "names": ["x"]}, app={"limit": 800}, **rule)


def test_a_rule_says_what_it_was_given_to_say():
    rule = {"rule": "output.total <= 800", "says": "${output.total} USD is too much"}
    catches("812 USD is too much", "rule", {"total": 812}, **rule)
    assert "output.total <= 800" not in finding("rule", {"total": 812}, **rule).evidence
    passes("rule", {"total": 800}, **rule)


DAY = {"schema": {"type": "object", "required": ["day"], "properties": {"day": {"format": "date"}}}}


def test_a_schema_counts_formats_and_may_look_at_a_part():
    catches("`output` at $.day: '7 June' is not a 'date'", "schema", {"day": "7 June"}, **DAY)
    passes("schema", {"day": "2027-06-07"}, **DAY)
    catches("'day' is a required property", "schema", {"stay": {}}, of="output.stay", **DAY)


RECORDED = {"hotel": {"city": "Cologne", "price": 480, "id": "BER-4711", "rooms": ["single", "double"],
                      "paid": "USD 1,234.50", "from": "2027-06-07", "to": "2027-06-11"}}  # fmt: skip

CLAIMS = {
    "another city": ({"city": "Köln"}, "output says city = 'Köln', recorded: 'Cologne'"),
    "a price that is too far off": ({"price": 481}, "output says price = 481, recorded: 480"),
    "another amount in words": ({"price": "$490.00"}, "output says price = '$490.00', recorded: 480"),
    "none of what is recorded": (
        {"rooms": "suite"},
        'output says rooms = \'suite\', recorded: ["single", "double"]',
    ),
    "nothing": ({"city": None}, "output says city = null, recorded: 'Cologne'"),
    "true for a number": ({"price": True}, "output says price = true, recorded: 480"),
}
AGREED = {
    "spaces and capitals": {"city": "  COLOGNE "},
    "half a unit less": {"price": 479.5},
    "the amount in words": {"price": "USD 480.00"},
    "one of what is recorded": {"rooms": "Double"},
    "some of what is recorded": {"rooms": ["double"]},
}


def claim(output):
    (name,) = output
    path = f"steps.hotel.output.{name}"
    return {"facts": {name: path}, "claims": {name: f"output.{name}"}, "tolerance": 0.5, "steps": RECORDED}


@pytest.mark.parametrize("what", CLAIMS)
def test_a_claim_that_contradicts_a_fact_is_named_with_both(what):
    output, said = CLAIMS[what]
    catches(said, "facts", output, **claim(output))


@pytest.mark.parametrize("what", AGREED)
def test_a_claim_that_says_the_same_in_other_words_passes(what):
    passes("facts", AGREED[what], **claim(AGREED[what]))


SAID = {
    "another amount": ("It costs $1,243.50.", "text says $1,243.50, recorded: "),
    "the right amount in another currency": ("It costs 1.234,50 EUR.", "text says 1.234,50 EUR, recorded: "),
    "an amount in words": ("It costs 500 euros", "text says 500 euro, recorded: "),
    "another date": ("You arrive on 8 June 2027.", "text says 8 June 2027, recorded: 2027-06-07, 2027-06-11"),
    "another date, month first": ("From June 9th, 2027 on", "text says June 9th, 2027, recorded: "),
    "another ISO date": ("2027-06-12T10:00 is late", "text says 2027-06-12, recorded: "),
    "a day that is not": ("Until 2027-06-31", "text says 2027-06-31, and there is no such day"),
    "another id": ("Your booking is BER-4712.", "text says BER-4712, recorded: BER-4711"),
    "no text": (None, "no text to look into"),
}
TRUE = {
    "money in English": "It costs $1,234.50 or USD 480, that is 480.00 USD.",
    "money in German": "Das macht 1.234,50 USD.",
    "dates": "From 7 June 2027 to June 11, 2027 (2027-06-11T11:00).",
    "ids": "Booked: BER-4711, a five-star, state-of-the-art house in room 12 on floor 3.",
    "nothing that could be wrong": "A fine hotel.",
    "a text in a list": ["BER-4711", {"note": "480 USD"}],
}
TEXT = {"facts": {"booking": "steps.hotel.output"}, "text": "output", "steps": RECORDED}


@pytest.mark.parametrize("what", SAID)
def test_what_a_text_names_must_be_recorded(what):
    text, said = SAID[what]
    catches(said, "facts", text, **TEXT)


@pytest.mark.parametrize("what", TRUE)
def test_a_text_that_names_what_is_recorded_passes(what):
    passes("facts", TRUE[what], **TEXT)


def test_numbers_are_looked_for_where_that_is_said():
    text = "On 2027-06-07 at 10:30 you pay 480 USD for 3 nights, BER-4711"
    more = {**TEXT, "look_for": ["numbers"]}
    catches("text says 3, recorded: 480", "facts", text, **more)
    passes("facts", text.replace("3 nights", "1234.5 points"), **more)
    passes("facts", text, **{**more, "facts": {**TEXT["facts"], "nights": "3"}})


KEEP = {"keep": ["steps.plan.output.goals", "steps.plan.output.limit"], "of": "output",
        "steps": {"plan": {"goals": ["See the  Cathedral", "BER-4711"], "limit": 1200}}}  # fmt: skip
LOST = {
    "a goal": ("BER-4711, at most 1200", "'See the  Cathedral' is missing"),
    "an id that only looks like it": ("see the cathedral; BER-47111; 1200", "'BER-4711' is missing"),
    "a limit": ({"text": "see the cathedral, BER-4711", "limit": 1201}, "1200 is missing"),
    "everything": ({}, "'BER-4711' is missing"),
}
KEPT = {
    "a text": "We SEE THE\ncathedral (ber-4711) for 1,200 EUR",
    "an object": {"a": [{"b": "see the cathedral"}], "id": "BER-4711.", "limit": 1200.0},
}


@pytest.mark.parametrize("what", LOST)
def test_what_had_to_survive_and_did_not_is_listed(what):
    output, said = LOST[what]
    catches(said, "keeps", output, **KEEP)


@pytest.mark.parametrize("what", KEPT)
def test_what_survived_passes_however_it_is_written(what):
    passes("keeps", KEPT[what], **KEEP)


def test_null_can_t_be_kept_and_an_empty_list_asks_for_nothing():
    plan = {"plan": {"goals": [], "none": None}}
    passes("keeps", "x", keep=["steps.plan.output.goals"], steps=plan)
    catches(
        "gives null where something should be kept", "keeps", "x", keep=["steps.plan.output.none"], steps=plan
    )


def both(one, other, **more):
    return {
        "values": {"hotel": "output", "train": "steps.train.output"},
        "steps": {"train": other},
        "output": one,
        **more,
    }


@pytest.mark.parametrize(
    ("one", "other", "more"),
    [
        ("Berlin", "Bern", {}),
        ("Berlin", "berlin", {}),
        (100, 102, {"tolerance": 1}),
        (1, True, {}),
        (None, "", {}),
        ([1, 2], [2, 1], {}),
        ({"a": 1}, {"a": 1, "b": 2}, {}),
    ],
)
def test_two_that_must_agree_and_do_not_are_named_with_both(one, other, more):
    catches("train = ", "agree", **both(one, other, **more))
    assert ", but hotel = " in finding("agree", **both(one, other, **more)).evidence


@pytest.mark.parametrize(
    ("one", "other", "more"),
    [
        ("Berlin ", "Berlin", {}),
        ("Berlin", "BERLIN", {"ignore_case": True}),
        (100, 101, {"tolerance": 1}),
        (0.1 + 0.2, 0.3, {}),
        (1, 1.0, {}),
        ({"a": [1, "x"], "b": None}, {"b": None, "a": [1.0, "x"]}, {}),
    ],
)
def test_two_that_agree_pass(one, other, more):
    passes("agree", **both(one, other, **more))


FORMATS = [
    ("date", "2027-06-07", "07.06.2027", "2027-06-08", "train = '07.06.2027' is no date such as"),
    ("date", "2027-06-07", "2027-02-29", "2028-02-29", "train = '2027-02-29' is no date"),
    ("datetime", "2027-06-07T10:00Z", "2027-06-07T10:00", "2027-06-08T11:30:00Z", "but hotel = '2027-06-07T10:00Z'"),
    ("datetime", "2027-06-07T10:00", "10:00", "2027-06-07 11:00", "train = '10:00' is no moment"),
    ("zone", "2027-06-07T10:00+02:00", "2027-06-07T10:00+01:00", "2027-01-07T10:00+0200", "but hotel"),
    ("zone", "2027-06-07T10:00Z", "2027-06-07T10:00", "2027-06-07T10:00+00:00", "has no UTC offset"),
    ("currency", "EUR", "USD", "EUR", "train = 'USD', but hotel = 'EUR'"),
    ("currency", "EUR", "€", "EUR", "train = '€' is no currency code"),
    ("unit", "km", "KM", "km", "train = 'KM', but hotel = 'km'"),
    ("place", "Köln", "Cologne", "Köln", "train = 'Cologne', but hotel = 'Köln'"),
    ("date", "2027-06-07", 7, "2027-06-07", "train = 7 is no text"),
    ("date", "2027-06-07", ["2027-06-07", "soon"], ["2027-06-07", "2027-06-09"], "train[1] = 'soon' is no date"),
]  # fmt: skip


@pytest.mark.parametrize(("as_", "one", "bad", "good", "said"), FORMATS)
def test_one_format_for_the_same_thing(as_, one, bad, good, said):
    catches(said, "formats", **both(one, bad, **{"as": as_}))
    passes("formats", **both(one, good, **{"as": as_}))


def test_known_spellings_and_patterns():
    catches("'Colonge' is none of 'Cologne, Bonn'", "formats", "Colonge", values={"to": "output"}, **{"as": "place"},
            known=["Cologne", "Bonn"])  # fmt: skip
    passes("formats", "Bonn", values={"to": "output"}, **{"as": "place"}, known=["Cologne", "Bonn"])
    id_ = {"values": {"id": "output"}, "as": "pattern", "pattern": "[A-Z]{3}-[0-9]+|none"}
    catches("id = 'BER-47x' does not match", "formats", "BER-47x", **id_)
    catches("does not match", "formats", "none at all", **id_)
    passes("formats", "BER-4711", **id_)
    passes("formats", "none", **id_)


def test_a_pattern_takes_time_that_grows_with_the_text_only():
    evil = {"values": {"x": "output"}, "as": "pattern", "pattern": "(a+)+b"}
    catches("does not match", "formats", "a" * 999, **evil)
    catches("up to 1,000 are compared", "formats", "a" * 1001, **evil)


OUT_OF_ORDER = {
    "dates": (
        "2027-06-08",
        "2027-06-07",
        0,
        "`output` = '2027-06-07' comes before `steps.a.output` = '2027-06-08'",
    ),
    "moments in other zones": ("2027-06-07T10:00+00:00", "2027-06-07T11:00+02:00", 0, "comes before"),
    "a moment on the day before": ("2027-06-08", "2027-06-07T23:59", 0, "comes before"),
    "a date before a moment": ("2027-06-08T00:00", "2027-06-07", 0, "comes before"),
    "numbers": (2, 1, 0, "`output` = 1 comes before `steps.a.output` = 2"),
    "too close": ("2027-06-07T10:00", "2027-06-07T10:29", 1800, "comes 1740 s after"),
    "only one has an offset": ("2027-06-07T10:00", "2027-06-07T11:00Z", 0, "can't be compared"),
    "a number and a date": (1, "2027-06-07", 0, "can't be compared"),
    "no date": ("2027-06-07", "tomorrow", 0, "`output` = 'tomorrow' is no date, moment or number"),
    "a day that is not": ("2027-02-30", "2027-06-07", 0, "'2027-02-30' is no date"),
    "null": ("2027-06-07", None, 0, "`output` = null is no date"),
}
IN_ORDER = {
    "dates": ("2027-06-07", "2027-06-08", 0),
    "the same day": ("2027-06-07", "2027-06-07", 0),
    "moments in other zones": ("2027-06-07T11:00+02:00", "2027-06-07T10:00+00:00", 0),
    "a moment on the day": ("2027-06-07", "2027-06-07T00:10", 0),
    "a day and the moment before it ends": ("2027-06-07T23:50Z", "2027-06-07", 0),
    "just far enough apart": ("2027-06-07T10:00", "2027-06-07T10:30", 1800),
    "numbers": (1, 1.5, 0),
}


def sequence(first, then, gap_s):
    return {"sequence": ["steps.a.output", "output"], "steps": {"a": first}, "output": then, "gap_s": gap_s}


@pytest.mark.parametrize("what", OUT_OF_ORDER)
def test_what_stands_the_wrong_way_round_is_named_with_both(what):
    *values, said = OUT_OF_ORDER[what]
    catches(said, "order", **sequence(*values))


@pytest.mark.parametrize("what", IN_ORDER)
def test_what_stands_in_order_passes(what):
    passes("order", **sequence(*IN_ORDER[what]))


def stay(spans, **more):
    cover = {"start": "'2027-06-07'", "end": "'2027-06-11'"}
    return {"cover": cover, "list": "output", "output": spans, **more}


def nights(*spans):
    return [
        {"start": f"2027-06-{a:02}", "end": f"2027-06-{b:02}", "label": f"h{n}"}
        for n, (a, b) in enumerate(spans)
    ]


BAD_STAYS = {
    "a gap": (nights((7, 10)), "2027-06-10 to 2027-06-11 is covered by nothing"),
    "a gap in the middle": (nights((7, 8), (9, 11)), "2027-06-08 to 2027-06-09 is covered by nothing"),
    "no night at the start": (nights((8, 11)), "2027-06-07 to 2027-06-08 is covered by nothing"),
    "no span": ([], "2027-06-07 to 2027-06-11 is covered by nothing"),
    "an overlap": (nights((7, 9), (8, 11)), "2027-06-08 to 2027-06-09 is covered twice, by h0: 2027-06-07 to 2027-06-09 and h1"),
    "one inside another": (nights((7, 11), (8, 9), (9, 10)), "2027-06-09 to 2027-06-10 is covered twice"),
    "a night too many": (nights((7, 12)), "h0: 2027-06-07 to 2027-06-12 lies outside 2027-06-07 to 2027-06-11"),
    "a span elsewhere": (nights((7, 11), (20, 21)), "h1: 2027-06-20 to 2027-06-21 lies outside"),
    "a span backwards": (nights((11, 7)), "h0: 2027-06-11 to 2027-06-07 has no night"),
    "no date": ([{"start": "soon", "end": "2027-06-11"}], "span 1: 'soon' is no date"),
    "no list": ("2027-06-07", "is no list"),
    "no span in the list": ([7], "span 1 is 7, not `{start, end}`"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_STAYS)
def test_a_stay_that_is_not_covered_says_which_nights(what):
    spans, said = BAD_STAYS[what]
    catches(said, "dates", **stay(spans))


def test_a_stay_that_is_covered_passes():
    passes("dates", **stay(nights((7, 9), (9, 11))))
    passes("dates", **stay(nights((9, 11), (7, 9))))
    passes("dates", **stay([{"start": "2027-06-07T15:00+02:00", "end": "2027-06-11T10:00+02:00"}]))
    passes("dates", **stay(nights((7, 8), (9, 11)), gaps=True))
    passes("dates", **stay(nights((7, 9), (8, 11)), overlaps=True))


def test_spans_may_come_from_several_steps():
    spans = [{"start": "steps.a.output", "end": "output", "label": "first"},
             {"start": "output", "end": "'2027-06-11'", "label": "second"}]  # fmt: skip
    cover = {"start": "steps.a.output", "end": "'2027-06-11'"}
    passes("dates", "2027-06-09", cover=cover, spans=spans, steps={"a": "2027-06-07"})
    catches("second: 2027-06-11 to 2027-06-11 has no night", "dates", "2027-06-11", cover=cover, spans=spans,
            steps={"a": "2027-06-07"})  # fmt: skip


SPENT = [
    {"category": "hotel", "amount": 400},
    {"category": "Hotel ", "amount": 400.1},
    {"category": "food", "amount": 99.9},
]
LIMITS = {"hotel": "800.1", "food": "100"}


@pytest.mark.parametrize(
    ("output", "more", "said"),
    [
        ([*SPENT, {"category": "hotel", "amount": 0.01}], {}, "hotel: 800.11 of 800.1"),
        ([*SPENT, {"category": "bar", "amount": 1}], {}, "'bar': 1, and no limit speaks of it"),
        (SPENT, {"limits": {}, "total": "899.99"}, "total: 900 of 899.99"),
        ([{"category": "food", "amount": "99"}], {}, "item 1 is "),
        ([{"category": "food", "amount": True}], {}, "item 1 is "),
        ("99", {}, "is no list"),
        (SPENT, {"limits": {**LIMITS, "food": "'a lot'"}}, "the limit of food is 'a lot', no number"),
    ],
)
def test_a_category_over_its_limit_is_named_with_both(output, more, said):
    catches(said, "budget", output, **{"items": "output", "limits": LIMITS, **more})


def test_totals_up_to_the_cent_pass():
    passes("budget", SPENT, items="output", limits=LIMITS)
    passes("budget", SPENT, items="output", total="900")
    passes("budget", [*SPENT, {"category": "bar", "amount": 1}], items="output", limits=LIMITS, total="901")
    amounts = {"hotel": "steps.hotel.output.price", "food": "output"}
    passes("budget", [0.1, 0.2], amounts=amounts, limits={"hotel": "480", "food": "0.3"}, steps=RECORDED)
    catches("food: 0.31 of 0.3", "budget", [0.1, 0.21], amounts=amounts, limits={"hotel": "480", "food": "0.3"},
            steps=RECORDED)  # fmt: skip


def test_what_can_t_be_evaluated_says_what_is_missing():
    with pytest.raises(ExpressionError, match=r"there is no `output\.day`"):
        finding("order", {}, sequence=["output.day", "output.day"])


@pytest.mark.parametrize(
    ("output", "rule", "said"),
    [
        (
            {"price": 3, "city": "Berlin"},
            "output.price_usd > 1",
            "no `output.price_usd`; there is city, price",
        ),
        ({"a": {"b": 1}}, "output.a.c == 1", "no `output.a.c`; there is b"),
        ({}, "output.x == 1", "no `output.x`; `output` is empty"),
        ({f"k{i}": 1 for i in range(9)}, "output.x == 1", "there is k0, k1, k2, k3, k4, k5 and 3 more"),
        ({"list": [{"a": 1}]}, "output.list.all(i, i.b == 1)", "no `i.b`"),
    ],
)
def test_a_field_that_is_missing_is_answered_with_those_that_there_are(output, rule, said):
    with pytest.raises(ExpressionError) as missing:
        finding("rule", output, rule=rule)
    assert str(missing.value).endswith(said)


def test_too_much_to_look_through_is_no_accept():
    with pytest.raises(ExpressionError, match="too many"):
        finding("facts", list(range(20_000)), facts={"a": "1"}, text="output")
    with pytest.raises(ExpressionError, match="characters"):
        finding("keeps", "x" * 200_000, keep=["'x'"])


@pytest.mark.parametrize("name", ["CAD877", "877CAD", "EUR500", "12BAM3"])
def test_a_bookings_name_that_looks_like_money_is_none(name):
    said = {"text": f"Booked as {name} for 12 USD.", "cost": 12}
    fields = {"text": "output.text", "facts": {"cost": "output.cost"}}
    assert finding("facts", said, **fields).held
    assert not finding("facts", {**said, "cost": 13}, **fields).held
