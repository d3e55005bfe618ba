"""The Sandbox: what stands, what happened, and faults planted by hand."""

from datetime import UTC, datetime

import pytest

from engine.sandbox.catalogue import COLLECTIONS, OFFERS
from engine.sandbox.faults import Fault, FaultKind, Operation
from engine.sandbox.world import World
from tests.ui.run_studio import Tab, open_studio, start, until
from ui.models.world import headline, ledger_rows, standing, stock_rows
from ui.models.world_words import KINDS, PLACES, fault_words, fields_of, resources

FLIGHT = {"from": "SFO", "to": "BER", "date": "2027-06-07", "passenger": "Ada"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.fixture
def clean(studio):
    studio.world.reset()
    return studio.world


def words(tab):
    return " ".join(element.value for element in [*tab.app.markdown, *tab.app.caption, *tab.app.text])


def test_an_untouched_world_is_clean(clean):
    tab = Tab("sandbox")
    assert "Clean" in words(tab)
    assert "Nothing happened yet" in words(tab)
    assert "None: every call" in words(tab)


def test_what_stands_and_the_ledger_of_a_compensated_run(studio, clean):
    clean.add_fault(Fault(kind="refuse", resource="shipping/orders"))
    run_id = start(studio, "order-fulfilment")
    until(studio, run_id, lambda row: row.ended_at)
    tab = Tab("sandbox")
    assert "Clean" in words(tab), "everything was undone"
    (table,) = [frame for frame in tab.app.dataframe if "Effect" in frame.value.columns]
    assert table.value["Effect"].str.startswith("↶").tolist() == [True, True, False, False]
    assert table.value["Step"][0] == f"run?id={run_id}#reserve"
    assert [metric.value for metric in tab.app.metric][2] == "4"


def test_standing_records_are_shown_in_words(clean):
    clean.create("flights/bookings", FLIGHT, key="k")
    tab = Tab("sandbox")
    assert "Flight SFO to BER on 2027-06-07" in words(tab)
    assert "Something stands" in words(tab)


def test_a_fault_is_planted_listed_and_removed(clean):
    tab = Tab("sandbox")
    tab.app.selectbox(key="world_new_kind").set_value(FaultKind.TIMEOUT_BUT_LAND)
    tab.app.selectbox(key="world_new_resource").set_value("hotels/bookings")
    tab.run()
    tab.app.selectbox(key="world_new_field").set_value("city")
    tab.run()
    tab.click("world_fault_add")
    assert "Say what city must be" in tab.app.error[0].value
    tab.app.text_input(key="world_new_value").set_value("Cologne")
    tab.app.number_input(key="world_new_times").set_value(2)
    tab.app.number_input(key="world_new_delay_timeout_but_land").set_value(7.0)
    tab.click("world_fault_add")
    (fault,) = clean.faults()
    assert (fault.kind, fault.match, fault.times, fault.delay_s) == ("timeout_but_land", {"city": "Cologne"}, 2, 7.0)  # fmt: skip
    assert "Hotels where city is Cologne" in words(tab)
    tab.click(f"world_fault_remove_{fault.id}")
    assert clean.faults() == []


def test_a_fault_on_looking_offers_up_and_removing_all(clean):
    tab = Tab("sandbox")
    tab.app.button_group(key="world_new_operation").set_value(Operation.LOOKUP)
    tab.run()
    tab.app.selectbox(key="world_new_resource").set_value("flights/offers")
    tab.app.toggle(key="world_new_forever").set_value(True)
    tab.run()
    tab.click("world_fault_add")
    assert [(fault.resource, fault.times) for fault in clean.faults()] == [("flights/offers", -1)]
    tab.click("world_faults_clear")
    assert clean.faults() == []


def test_a_fault_that_makes_no_sense_is_refused_in_words(clean):
    tab = Tab("sandbox")
    tab.app.selectbox(key="world_new_kind").set_value(FaultKind.LAND_LATE)
    tab.app.button_group(key="world_new_operation").set_value(Operation.LOOKUP)
    tab.run()
    tab.click("world_fault_add")
    assert "no effect that could land late" in tab.app.error[0].value
    assert clean.faults() == []


def test_reset_asks_first(clean):
    clean.create("flights/bookings", FLIGHT, key="k")
    tab = Tab("sandbox").click("world_reset")
    assert not clean.state().clean
    tab.click("world_reset_no")
    assert not clean.state().clean
    tab.click("world_reset").click("world_reset_yes")
    assert clean.state().clean
    assert clean.ledger() == []


def test_a_world_elsewhere_is_named(studio, monkeypatch):
    monkeypatch.setattr(studio, "world", None)
    monkeypatch.setattr(studio, "sandbox_url", "http://10.0.0.9:8765")
    tab = Tab("sandbox")
    assert "runs elsewhere" in tab.app.info[0].value
    assert tab.app.text[0].value == "http://10.0.0.9:8765"
    assert not tab.app.button


# The models


@pytest.fixture
def world(tmp_path):
    opened = World(tmp_path / "w.db", clock=lambda: datetime(2027, 1, 1, tzinfo=UTC))
    yield opened
    opened.close()


def test_the_headline_counts_what_stands_and_what_is_on_its_way(world):
    assert headline(world.state()).word == "Clean"
    world.add_fault(Fault(kind="land_late", resource="flights/bookings"))
    world.create("flights/bookings", FLIGHT, key="a")
    assert "1 on its way" in headline(world.state()).sentence
    world.create("flights/bookings", FLIGHT, key="b")
    assert "1 record stands and 1 on its way" in headline(world.state()).sentence
    full, empty = standing(world.state())
    assert [group.path for group in full] == ["flights/bookings"]
    assert len(empty) == len(COLLECTIONS) - 1


def test_a_clean_world_tells_of_the_fees_that_stay(world):
    world.create("trains/bookings", {"from": "A", "to": "B", "date": "2027-06-07"}, key="a")
    world.cancel("trains/bookings", made_under="a")
    assert "5.00 USD" in headline(world.state()).sentence
    undo, book = ledger_rows(world.ledger())
    assert (undo.is_undo, undo.word, book.is_undo, book.word) == (True, "Cancelled", False, "Booked")


def test_of_two_equal_bookings_the_ledger_says_which_one_was_cancelled(world):
    first, second = (world.create("flights/bookings", FLIGHT, key=f"r-{n}:out:1").body for n in (1, 2))
    world.cancel("flights/bookings", record_id=second["id"], key="c:r-2:out:1")
    undo, other, one = ledger_rows(world.ledger())
    assert [row.code for row in (one, other, undo)] == [
        first["confirmation"], second["confirmation"], second["confirmation"],
    ]  # fmt: skip
    assert [row.status for row in (one, other, undo)] == ["booked", "cancelled by #3", "undoes #2"]
    assert undo.key == "c:r-2:out:1"


def test_the_ledger_shows_the_key_beside_the_code(clean):
    clean.create("flights/bookings", FLIGHT, key="k")
    (table,) = [frame for frame in Tab("sandbox").app.dataframe if "Effect" in frame.value.columns]
    assert list(table.value.columns) == [
        "#",
        "Time",
        "Effect",
        "What",
        "Code",
        "USD",
        "Status",
        "Step",
        "Key",
    ]


def test_every_place_and_kind_has_words():
    assert set(PLACES) == {*COLLECTIONS, *OFFERS}
    assert set(KINDS) == set(FaultKind)
    for collection in COLLECTIONS.values():
        assert collection.required.keys() <= set(fields_of(collection.path))
    assert set(resources(Operation.LOOKUP)) - set(resources(Operation.CREATE)) == set(OFFERS)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(kind="sold_out", resource="flights/bookings", match={"from": "CGN"}, times=-1), "Flights where from is CGN: sold out, until removed"),
        (Fault(kind="fail", resource="trains/bookings", operation="cancel", times=2), "Undoing trains: fails, twice"),
        (Fault(kind="slow", resource="tickets", delay_s=3), "Tickets: slow, 3 s, once"),
    ],
)  # fmt: skip
def test_faults_read_as_sentences(fault, said):
    assert fault_words(fault) == said


def test_stock_shows_the_scarcest_first(world):
    assert [row.free for row in stock_rows(world.stock())][-1] == 0, "what was never there comes last"
    world.create("inventory/reservations", {"sku": "SKU-3", "quantity": 1})
    assert stock_rows(world.stock())[0].sku == "SKU-3"
