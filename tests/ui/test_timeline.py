import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ui.models.timeline import (
    BARS,
    Mark,
    Row,
    Segment,
    Timeline,
    duration_words,
    figure,
    ordered_rows,
    span_ms,
)

T0 = datetime(2026, 3, 1, 9, tzinfo=UTC)


def at(seconds):
    return T0 + timedelta(seconds=seconds)


TIMELINE = Timeline(
    (Row("a", "Book"), Row("b", "Pay"), Row("ub", "Refund", "undo"), Row("ua", "Cancel", "undo")),
    (
        Segment("a", "attempt_failed", at(0), at(1), "1", "504"),
        Segment("a", "backoff", at(1), at(2)),
        Segment("a", "attempt_ok", at(2), at(3), "2"),
        Segment("b", "running", at(3), None, "1"),
        Segment("ua", "undo", at(4), at(4)),
        Segment("ub", "undo", at(5), at(6)),
    ),
    (Mark("a", at(3), "validation_ok", "schema"), Mark("gone", at(3), "fault")),
    now=at(10),
)


def traces(timeline, theme="light"):
    return {trace["uid"]: trace for trace in figure(timeline, theme)["data"]}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_figure_is_plain_json_and_valid_plotly(theme):
    import plotly.graph_objects as go

    drawing = figure(TIMELINE, theme)
    assert json.loads(json.dumps(drawing)) == drawing
    go.Figure(drawing)


def test_one_trace_per_kind_always_in_the_same_order():
    order = [trace["uid"] for trace in figure(Timeline(), "light")["data"]]
    assert order == [trace["uid"] for trace in figure(TIMELINE, "dark")["data"]]
    assert order[: len(BARS)] == list(BARS)


def test_the_legend_names_only_what_is_there():
    shown = {uid for uid, trace in traces(TIMELINE).items() if trace["showlegend"]}
    assert shown == {"attempt_failed", "backoff", "attempt_ok", "running", "undo", "validation_ok"}


def test_the_toolbar_has_room_above_a_legend_of_two_lines():
    layout = figure(TIMELINE, "light")["layout"]
    assert layout["margin"]["t"] >= 28 + 2 * 20
    rows = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
    assert rows >= 4 * 30


def test_undo_rows_come_last_in_the_order_they_ran():
    assert [row.id for row in ordered_rows(TIMELINE)] == ["a", "b", "ua", "ub"]
    drawing = figure(TIMELINE, "light")
    places = drawing["layout"]["yaxis"]["tickvals"]
    divider = next(line for line in drawing["layout"]["shapes"] if line.get("xref") == "paper")
    assert places[1] < divider["y0"] < places[2]
    assert traces(TIMELINE)["undo"]["marker"]["pattern"]["shape"] == "/"


def test_an_open_segment_lasts_until_now_and_an_instant_is_visible():
    drawn = traces(TIMELINE)
    assert drawn["running"]["x"] == [7000]
    assert "so far" in drawn["running"]["customdata"][0][2]
    assert drawn["undo"]["x"][0] == pytest.approx(10_000 * 0.004)
    assert ", 0 ms" in drawn["undo"]["customdata"][0][2], "the hover text tells the truth"


def test_the_now_line_is_for_live_runs():
    def lines(timeline):
        return [line for line in figure(timeline, "light")["layout"]["shapes"] if line.get("yref") == "paper"]

    assert lines(TIMELINE)[0]["x0"] == T0.timestamp() * 1000 + 10_000
    assert not lines(Timeline(TIMELINE.rows, TIMELINE.segments))


def test_times_are_utc():
    tokyo = T0.astimezone(timezone(timedelta(hours=9)))
    one, other, naive = (
        traces(Timeline((Row("a", "A"),), (Segment("a", "attempt_ok", start, start),)))["attempt_ok"]
        for start in (T0, tokyo, T0.replace(tzinfo=None))
    )
    assert one["base"] == other["base"] == naive["base"] == [T0.timestamp() * 1000]
    assert "09:00:00.000 UTC" in other["customdata"][0][2]


def test_what_a_model_wrote_is_not_markup():
    evil = '<a href="http://x">%{y}</a>'
    drawing = figure(
        Timeline((Row("a", evil),), (Segment("a", "attempt_ok", T0, at(1), evil, evil),)), "dark"
    )
    assert "<a" not in json.dumps(drawing)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("↳ Katherine (3) › One trip › Flight", "↳ … › One trip › Flight"),
        ("↳ market › Describe them all › Urbo (1) › Ask", "↳ … › Urbo (1) › Ask"),
        ("Book the flight", "Book the flight"),
        ("↳ Round 1 › A step with quite a long name", "↳ A step with quite a long na…"),
        ("A step with a name that is too long to fit", "A step with a name that is to…"),
    ],
)
def test_of_a_long_title_the_end_is_shown_that_tells_rows_apart(title, shown):
    drawn = figure(Timeline((Row("a", title),), (), now=at(10)), "light")
    assert drawn["layout"]["yaxis"]["ticktext"] == [shown]


def test_an_empty_timeline_is_drawn():
    assert span_ms(Timeline())[1] > 0
    assert figure(Timeline(rows=(Row("u", "U", "undo"),)), "light")["layout"]["yaxis"]["ticktext"] == ["U"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.012, "12 ms"), (3.42, "3.4 s"), (252, "4 m 12 s"), (7500, "2 h 05 m"), (273_600, "3 d 4 h")],
)
def test_durations_in_words(seconds, words):
    assert duration_words(timedelta(seconds=seconds)) == words
