import time

from hypothesis import given
from hypothesis import strategies as st

from ui.models.layout import CARD_H, CARD_W, UNDO_GAP, Link, layers, layout


@st.composite
def dags(draw):
    count = draw(st.integers(1, 14))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=25)) if pairs else []
    undone = draw(st.sets(st.integers(0, count - 1)))
    return count, chosen, undone


def place(count, pairs, undone=()):
    links = [Link(f"s{a}", f"s{b}") for a, b in pairs]
    return layout([f"s{i}" for i in range(count)], links, {f"u{i}": f"s{i}" for i in undone})


@given(dags())
def test_arrows_point_right_and_cards_never_overlap(dag):
    count, pairs, undone = dag
    at = place(count, pairs, undone).at
    assert len(at) == count + len(undone)
    for a, b in pairs:
        assert at[f"s{b}"].x - at[f"s{a}"].x > CARD_W
    points = list(at.values())
    for i, one in enumerate(points):
        for other in points[i + 1 :]:
            assert abs(one.x - other.x) >= CARD_W or abs(one.y - other.y) >= CARD_H


@given(dags())
def test_a_compensation_sits_right_below_its_step(dag):
    count, pairs, undone = dag
    at = place(count, pairs, undone).at
    for i in undone:
        assert at[f"u{i}"].x == at[f"s{i}"].x
        assert abs(at[f"u{i}"].y - at[f"s{i}"].y - CARD_H - UNDO_GAP) < 1e-6


@given(dags())
def test_long_arrows_pass_between_cards(dag):
    count, pairs, undone = dag
    drawn = place(count, pairs, undone)
    for bends in drawn.bends.values():
        for bend in bends:
            same_layer = [point for point in drawn.at.values() if point.x == bend.x]
            assert all(abs(point.y - bend.y) > CARD_H / 2 for point in same_layer)


@given(dags())
def test_the_same_graph_is_always_drawn_the_same(dag):
    assert place(*dag) == place(*dag)


def test_a_chain_is_a_straight_line_even_beside_a_shortcut():
    at = place(5, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)]).at
    assert max(point.y for point in at.values()) - min(point.y for point in at.values()) < 2


def test_layers_are_longest_paths():
    assert layers(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")]) == {"a": 0, "b": 1, "c": 2}


def test_a_cycle_is_drawn_too():
    assert layers(["a", "b", "c"], [("a", "b"), ("b", "a"), ("b", "c"), ("c", "c")]) == {
        "a": 0,
        "b": 1,
        "c": 2,
    }


def test_a_long_label_gets_a_wider_gap():
    short, wide = (layout(["a", "b"], [Link("a", "b", label)]).at["b"].x for label in ("", "amount > 5 000"))
    assert wide > short + 30


def test_nothing_and_strangers():
    assert layout([]).at == {}
    assert set(layout(["a"], [Link("a", "gone")], {"u": "gone"}).at) == {"a"}


def test_a_thousand_steps_take_milliseconds():
    pairs = [(i * 7 // 8, i) for i in range(1, 1000)]
    start = time.perf_counter()
    place(1000, pairs, range(0, 1000, 3))
    assert time.perf_counter() - start < 0.5, "about 20 ms on an idle core"
