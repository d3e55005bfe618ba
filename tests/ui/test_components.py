"""Each drawing component in a page of its own."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from ui.components.text import escape, shorten


def page(script, **state):
    app = AppTest.from_function(script, default_timeout=90)
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return app


def flow_page():
    import streamlit as st

    from ui.components.flow import flow, selected_edge
    from ui.models.graph import Graph, GraphEdge, GraphNode

    status = st.session_state.get("status", "running")
    graph = Graph((GraphNode("a", "A", status=status), GraphNode("b", "B")), (GraphEdge("e", "a", "b"),))
    st.text(
        f"{flow(graph, key='run-flow', selected=st.session_state.get('open'))} {selected_edge('run-flow')}"
    )


def test_flow_sends_the_graph_and_keeps_its_identity_when_a_status_changes():
    app = page(flow_page, open="b")
    (first,) = app.get("bidi_component")
    data = json.loads(first.proto.json)
    assert [node["word"] for node in data["nodes"]] == ["Running", "Python"]
    assert data["selected"] == "b"
    assert app.text[0].value == "None None"
    app.session_state["status"] = "committed"
    app.run()
    (second,) = app.get("bidi_component")
    assert json.loads(second.proto.json)["nodes"][0]["word"] == "Done"
    assert second.proto.id == first.proto.id, "the same id: the browser patches and does not remount"


def test_flow_never_parses_data_as_html():
    app = page(flow_page)
    script = app.get("bidi_component")[0].proto.js_content
    assert "innerHTML" not in script
    assert "insertAdjacentHTML" not in script


def canvas_page():
    import streamlit as st

    from ui.components.canvas import canvas
    from ui.models.graph import Graph, GraphEdge, GraphNode

    graph = Graph((GraphNode("a", "A"), GraphNode("b", "B")), (GraphEdge("e", "a", "b", "yes"),))
    st.text(str(canvas(graph, key="canvas", selected=st.session_state.get("open"))))


def test_canvas_mounts_the_packages_frontend_under_a_key():
    app = page(canvas_page, open="a")
    (instance,) = app.get("component_instance")
    sent = json.loads(instance.proto.json_args)
    assert {"a", "b"} <= {node["id"] for node in json.loads(sent["data"])["nodes"]}
    assert json.loads(sent["config"])["physics"] == {"enabled": False}
    assert app.text[0].value == "None"
    app.session_state["open"] = "b"
    app.run()
    assert app.get("component_instance")[0].proto.id == instance.proto.id


def timeline_page():
    from datetime import UTC, datetime, timedelta

    import streamlit as st

    from ui.components.chart import chart
    from ui.models.timeline import Row, Segment, Timeline, figure

    start = datetime(2026, 3, 1, tzinfo=UTC)
    live = st.session_state["live"]
    segment = Segment("a", "running" if live else "attempt_ok", start, None if live else start)
    now = start + timedelta(seconds=3) if live else None
    chart(figure(Timeline((Row("a", "A"),), (segment,), now=now), "light"), key="time")


def test_the_timeline_is_one_chart_that_is_patched_also_when_the_run_ends():
    app = page(timeline_page, live=True)
    chart = app.get("bidi_component")[0].proto
    data = json.loads(chart.json)
    assert data["script"].startswith("component/")
    assert data["script"].endswith("saga_plotly/plotly.min.js")
    assert len(data["figure"]["layout"]["shapes"]) == 1
    app.session_state["live"] = False
    ended = app.run().get("bidi_component")[0].proto
    assert ended.id == chart.id
    assert not json.loads(ended.json)["figure"]["layout"]["shapes"]


def badges_page():
    import streamlit as st

    from ui.components import badges as b

    actions = (
        b.Action("Pause", "pause", icon="pause"),
        b.Action("Cancel", "cancel", disabled_because="The point of no return has been passed"),
    )
    clicked = b.header(
        "Run *r-1*", (b.run_badge("compensating", word="Rolling back 2 of 4"),), actions, key="head"
    )
    b.draw(b.step_badge("comp_failed"))
    b.draw(b.kind_badge("llm"))
    b.draw(b.effect_badge("pivot"))
    b.metric_cards((b.Metric("Cost", "$0.014 of $1", note="1 820 tokens"),), key="numbers")
    b.metric_cards((), key="none")
    st.text(str(clicked))


def test_header_badges_and_cards():
    app = page(badges_page)
    assert app.header[0].value == r"Run \*r\-1\*"
    words = " ".join(element.value for element in app.markdown)
    assert "Undo failed" in words
    assert "violet" in words
    assert r"\$0\.014" in app.metric[0].value
    pause, cancel = app.button
    assert cancel.disabled
    assert cancel.help == "The point of no return has been passed"
    pause.click().run()
    assert app.text[0].value == "pause"


def text_page():
    from ui.components.text import plain

    plain("*not* <b>Markdown</b>\n:material/home:")


def test_plain_text_is_shown_as_it_is():
    assert page(text_page).text[0].value == "*not* <b>Markdown</b>\n:material/home:"


@pytest.mark.parametrize(
    "text", ["**b**", "[x](y)", "`c`", "<b>", "$x$", "# h", "1. a", "a|b", "~~s~~", r"\n"]
)
def test_escape_leaves_no_markdown(text):
    escaped = escape(text)
    assert escaped.replace("\\", "").replace("\u2060", "") == text.replace("\\", "")
    for i, char in enumerate(escaped):
        if char in "*[]()`<>$#|~":
            assert escaped[i - 1] == "\\"


@pytest.mark.parametrize("text", [":smile:", ":material/home:", "http://x.y", "www.x.y", "a@b.cc", "a -> b"])
def test_escape_breaks_what_streamlit_replaces_after_parsing(text):
    assert "\u2060" in escape(text)


def test_escape_and_shorten_make_one_line():
    assert escape("a\n\n b\x00c") == "a b c"
    assert shorten("a  b\n" + "x" * 80, 10) == "a b xxxxx…"


def steady():
    import streamlit as st

    from ui.components.steady_table import steady_table

    ids = st.session_state["ids"]
    st.text(str(steady_table({"Name": ids}, ids, "t")))


def test_the_selected_row_of_a_table_stays_the_same_while_others_come_and_go():
    app = AppTest.from_function(steady)
    app.session_state["ids"] = ["b", "a"]
    app.session_state["t-chosen"] = ("a", 1, 0)
    app.run()
    shown = []
    for ids in (["b", "a"], ["c", "b", "a"], ["c"], ["d", "c", "b", "a"]):
        app.session_state["ids"] = ids
        app.run()
        assert not app.exception
        proto = app.dataframe[0].proto
        shown.append((app.text[0].value, proto.id.rpartition("-")[2], proto.selection_default))
    values, turns, defaults = zip(*shown, strict=True)
    assert values == ("a", "a", "None", "a")
    assert turns == ("0", "1", "2", "3")
    assert [("[1]" in d, "[2]" in d, "[3]" in d) for d in defaults] == [
        (True, False, False), (False, True, False), (False, False, False), (False, False, True),
    ]  # fmt: skip
