"""The Validators page's words and its chart."""

from datetime import UTC, datetime

import pytest

from engine.ports import ValidatorDay, ValidatorStats
from ui.models.timeline_axes import FONT
from ui.models.validator_table import days_figure, latency, share, table

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def stats(**more):
    values = {
        "saga": "trip", "step": "a", "validator": "v", "kind": "python", "check": "", "tier": "intra", "edge": "",
        "ran": 13, "caught": 8, "accepted": 5, "fed_back": 0, "no_verdict": 0, "overruled": 0, "cost_usd": 0.0,
        "augmented": 0, "tokens": 0, "mean_latency_s": 0.0, "worst_latency_s": 0.0, "last_at": NOW, "evidence": "",
    }  # fmt: skip
    return ValidatorStats(**{**values, **more})


def test_the_table_and_the_card_round_a_share_alike():
    (shown,) = table([stats()], {}, NOW)["Share"]
    assert share(8, 13) == "62 %"
    assert shown == 62


@pytest.mark.parametrize(
    ("mean", "worst", "words"),
    [
        (0.001, 0.004, "under 10 ms"),
        (0.004, 0.05, "under 10 ms, up to 50 ms"),
        (0.25, 1.42, "250 ms, up to 1.4 s"),
    ],
)
def test_a_latency_is_told_in_a_unit_that_fits(mean, worst, words):
    assert latency(stats(mean_latency_s=mean, worst_latency_s=worst)) == words


def test_the_chart_of_days_looks_like_the_other_charts():
    day = ValidatorDay(day=NOW.date(), ran=3, caught=1, overruled=0, cost_usd=0.0)
    drawing = days_figure([day], "light")
    layout = drawing["layout"]
    assert layout["font"]["family"] == FONT
    assert layout["modebar"]["bgcolor"] == "rgba(0,0,0,0)"
    assert [bar["name"] for bar in drawing["data"]] == ["Ran", "Caught something"]
