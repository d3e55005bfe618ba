import json
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from ui.models.cards import card_svg, clip
from ui.models.graph import Graph, GraphEdge, GraphNode, arrange, owner, to_agraph, to_flow

EVIL = '</svg><script>alert("x")</script>'
GRAPH = Graph(
    (
        GraphNode("book", "Book the hotel", "3 attempts", "http", "committed", "compensatable", attempts=3),
        GraphNode("pay", "Pay", kind="http", status="running", effect="pivot", marks=("disrupted",)),
        GraphNode("mail", "Send mail", kind="python", status="pending", effect="retriable"),
        GraphNode("cancel", "Cancel the hotel", status="standby", lane="undo"),
    ),
    (
        GraphEdge("e1", "book", "pay", "approved", "branch", "taken"),
        GraphEdge("e2", "pay", "mail"),
        GraphEdge("e3", "book", "mail"),
        GraphEdge("u1", "book", "cancel", kind="undo"),
        GraphEdge("lost", "book", "nowhere"),
    ),
)


def test_flow_data_is_plain_json_with_words_icons_and_places():
    data = to_flow(GRAPH, arrange(GRAPH))
    assert json.loads(json.dumps(data)) == data
    nodes = {node["id"]: node for node in data["nodes"]}
    assert nodes["book"]["word"] == "Done"
    assert nodes["book"]["family"] == "green"
    assert nodes["pay"]["pivot"] == "Point of no return"
    assert nodes["pay"]["marks"] == [
        {"icon": "bolt", "word": "Disrupted", "family": "orange", "id": "disrupted"}
    ]
    assert nodes["cancel"]["kind"]["icon"] == "undo"
    assert nodes["cancel"]["y"] > nodes["book"]["y"]
    needed = (
        {n["icon"] for n in data["nodes"]} | {n["kind"]["icon"] for n in data["nodes"]} | {"bolt", "lock"}
    )
    assert needed <= set(data["icons"])


def test_an_edge_to_nowhere_is_left_out():
    data = to_flow(GRAPH, arrange(GRAPH))
    assert [edge["id"] for edge in data["edges"]] == ["e1", "e2", "e3", "u1"]
    assert next(edge for edge in data["edges"] if edge["id"] == "e3")["bends"], "it passes the layer of pay"


def test_a_design_without_a_run_shows_kinds():
    graph = Graph((GraphNode("a", "A", kind="llm"),))
    (node,) = to_flow(graph, arrange(graph))["nodes"]
    assert (node["status"], node["word"], node["icon"]) == ("", "LLM", "")


def test_positions_do_not_depend_on_status():
    other = Graph(tuple(GraphNode(n.id, "x", lane=n.lane) for n in GRAPH.nodes), GRAPH.edges)
    assert arrange(other) == arrange(GRAPH)


def test_a_compensation_without_its_arrow_is_still_drawn():
    graph = Graph((GraphNode("a", "A"), GraphNode("u", "U", lane="undo")))
    assert set(arrange(graph).at) == {"a", "u"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_agraph_gets_images_at_fixed_places_and_every_edge_an_id(theme):
    data, config = to_agraph(GRAPH, arrange(GRAPH), theme, selected="pay")
    cards = {node["id"]: node for node in data["nodes"] if node["shape"] == "image"}
    assert set(cards) == {"book", "pay", "mail", "cancel"}
    assert all(card["image"].startswith("data:image/svg+xml") for card in cards.values())
    ids = [edge["id"] for edge in data["edges"]]
    assert len(set(ids)) == len(ids)
    known = {node["id"] for node in data["nodes"]}
    assert all({edge["from"], edge["to"]} <= known for edge in data["edges"])
    assert len({tuple(edge) for edge in data["edges"]}) == 1, "always the same attributes"
    assert [edge["label"] for edge in data["edges"]].count("approved") == 1
    assert config["physics"] == {"enabled": False}
    assert "groups" not in config


def test_only_the_selection_changes_the_picture():
    positions = arrange(GRAPH)
    plain, chosen = (to_agraph(GRAPH, positions, "light", selected=s)[0]["nodes"] for s in (None, "pay"))
    assert [a["id"] for a, b in zip(plain, chosen, strict=True) if a != b] == ["pay"]


def test_a_click_on_a_port_means_its_card():
    data, _ = to_agraph(GRAPH, arrange(GRAPH), "light")
    assert {owner(node["id"]) for node in data["nodes"]} == {"book", "pay", "mail", "cancel"}


def test_what_a_model_wrote_cannot_leave_its_text():
    root = ET.fromstring(card_svg(GraphNode("a", EVIL, EVIL, count=3, effect="pivot"), "dark"))
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    graph = Graph((GraphNode("a", EVIL),))
    (node,) = to_agraph(graph, arrange(graph), "light")[0]["nodes"]
    assert "<script" not in unquote(node["image"])
    assert "<" not in node["image"]


def test_clip_keeps_short_text_and_cuts_long():
    assert clip("Pay", 100, 12) == "Pay"
    cut = clip("A title that is much too long for a card", 100, 12)
    assert cut.endswith("…")
    assert len(cut) < 20
