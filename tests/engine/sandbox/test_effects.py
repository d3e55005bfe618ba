"""What the practice world does and undoes, and what it offers."""

from __future__ import annotations

from datetime import datetime

import pytest

from engine.sandbox.catalogue import COLLECTIONS
from tests.engine.sandbox.calls import BODIES, actions, book, cancel, found


@pytest.mark.parametrize("path", BODIES)
def test_every_collection_makes_a_record_that_can_be_found_and_is_in_the_ledger(http, path):
    made = book(http, "k1", path)
    assert made.status_code == 201
    record = made.json()
    assert record.items() >= BODIES[path].items()
    assert record["resource"] == path
    assert record["confirmation"]
    assert http.get(f"/{path}/{record['id']}").json() == record
    assert http.get(f"/{path}", params={"key": "k1"}).json() == record
    (entry,) = http.get("/ledger").json()["entries"]
    assert (entry["resource"], entry["id"], entry["key"]) == (path, record["id"], "k1")
    assert (entry["amount_usd"], entry["status"]) == (record["cost_usd"], record["status"])
    assert entry["at"].endswith("Z")
    state = http.get("/state").json()
    assert state["collections"][path] == [record]
    assert state["clean"] is False


@pytest.mark.parametrize("path", [path for path in BODIES if path != "shipping/orders"])
def test_what_is_cancelled_no_longer_stands_and_the_fee_is_what_was_spent(http, path):
    record = book(http, "k1", path).json()
    answer = cancel(http, f"/{path}/{record['id']}", "c1")
    assert answer.status_code == 200
    outcome = answer.json()
    assert outcome["status"] == "cancelled"
    assert outcome["refund_usd"] + outcome["fee_usd"] == pytest.approx(record["cost_usd"])
    state = http.get("/state").json()
    assert state["clean"] is True
    assert state["totals"]["spent_usd"] == pytest.approx(outcome["fee_usd"])
    assert http.get(f"/{path}", params={"key": "k1"}).json()["status"] == "cancelled"
    assert actions(http) == [COLLECTIONS[path].action, COLLECTIONS[path].undo.action]


def test_fees_by_collection(http):
    flight, train, hotel = (
        book(http, path=f"{kind}/bookings").json() for kind in ("flights", "trains", "hotels")
    )
    fees = [cancel(http, f"/{r['resource']}/{r['id']}").json()["fee_usd"] for r in (flight, train, hotel)]
    assert fees == [round(flight["cost_usd"] * 0.1, 2), 5.0, 0.0]


def test_a_shipping_order_can_not_be_cancelled(http):
    book(http, "k1", "shipping/orders")
    answer = cancel(http, "/shipping/orders?key=k1")
    assert (answer.status_code, answer.json()["error"]) == (409, "already_handed_over")
    assert actions(http) == ["ship"]


def test_cancelling_a_notice_is_a_correction_in_the_ledger(http):
    book(http, "k1", "notices")
    assert "please disregard" in cancel(http, "/notices?key=k1").json()["undo_summary"]
    last = http.get("/ledger").json()["entries"][-1]
    assert last["summary"] == 'Correction sent to ada@example.com: please disregard "Your {trip} is on"'


def test_cancel_by_key_replays_under_its_own_key_and_refuses_another(http):
    book(http, "k1")
    first = cancel(http, "/flights/bookings?key=k1", "c1")
    again = cancel(http, "/flights/bookings?key=k1", "c1")
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    for key in ("c2", None):
        other = cancel(http, "/flights/bookings?key=k1", key)
        assert (other.status_code, other.json()["error"]) == (409, "already_cancelled")
    assert actions(http) == ["book", "cancel"]


def test_one_cancel_key_can_not_cancel_two_records(http):
    book(http, "k1")
    book(http, "k2")
    cancel(http, "/flights/bookings?key=k1", "c1")
    assert cancel(http, "/flights/bookings?key=k2", "c1").status_code == 422
    assert actions(http) == ["book", "book", "cancel"]


@pytest.mark.parametrize("where", ["/flights/bookings?key=nope", "/flights/bookings/FL-1"])
def test_nothing_there_is_404_to_look_up_and_to_cancel(http, where):
    for answer in (http.get(where), cancel(http, where)):
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_a_record_is_not_found_in_another_collection(http):
    record = book(http, "k1").json()
    assert http.get(f"/hotels/bookings/{record['id']}").status_code == 404
    assert not found(http, "k1", "hotels/bookings")


def test_stock_is_taken_runs_out_and_comes_back(http):
    assert http.get("/inventory/stock").json()["stock"]["tent"] == 4
    book(http, "k1", "inventory/reservations", quantity=3)
    short = book(http, "k2", "inventory/reservations", quantity=2)
    assert (short.status_code, short.json()["error"], short.json()["available"]) == (409, "out_of_stock", 1)
    cancel(http, "/inventory/reservations?key=k1")
    assert (
        book(http, "k2", "inventory/reservations", quantity=2).status_code == 201
    )  # a refusal is not stored
    assert http.get("/inventory/stock").json()["stock"]["tent"] == 2


def test_an_unknown_article_is_a_clear_400(http):
    answer = book(http, path="inventory/reservations", sku="unicorn")
    assert (answer.status_code, answer.json()["field"]) == (400, "sku")


# --- offers ---


def test_offers_are_always_the_same_and_the_cheapest_is_what_a_booking_costs(http):
    asked = {"from": "SFO", "to": "BER", "date": "2026-06-01"}
    offers = http.get("/flights/offers", params=asked).json()["offers"]
    assert offers == http.get("/flights/offers", params=asked).json()["offers"]
    assert len(offers) == 3
    assert all(650 <= offer["price_usd"] <= 900 and offer["departs"] < offer["arrives"] for offer in offers)
    assert book(http).json()["cost_usd"] == offers[0]["price_usd"]
    assert book(http, offer=offers[2]["id"]).json()["cost_usd"] == offers[2]["price_usd"]
    assert book(http, offer="OF-0").json()["field"] == "offer"


def test_hotels_have_stars_and_a_price_per_night(http):
    asked = {"city": "Berlin", "check_in": "2026-06-02", "nights": 3}
    offers = http.get("/hotels/offers", params=asked).json()["offers"]
    assert {offer["stars"] for offer in offers} == {3, 4}
    assert all(110 <= offer["price_usd"] / 3 <= 190 for offer in offers)
    four = http.get("/hotels/offers", params={**asked, "stars": 4}).json()["offers"]
    assert {offer["stars"] for offer in four} == {4}
    assert book(http, path="hotels/bookings", stars=4).json()["name"] == four[0]["name"]


def test_bookings_say_their_times_and_the_currency_of_their_price(http):
    room = book(http, path="hotels/bookings").json()
    assert (room["check_in"], room["nights"], room["check_out"]) == ("2026-06-02", 3, "2026-06-05")
    for kind in ("flights", "trains"):
        journey = book(http, path=f"{kind}/bookings").json()
        assert BODIES[f"{kind}/bookings"]["date"] == journey["departs"][:10]
        assert datetime.fromisoformat(journey["departs"]) < datetime.fromisoformat(journey["arrives"])
        assert (journey["currency"], room["currency"]) == ("USD", "USD")


def test_trains_and_bad_questions(http):
    asked = {"from": "Berlin", "to": "Cologne", "date": "2026-06-05"}
    assert all(45 <= o["price_usd"] <= 75 for o in http.get("/trains/offers", params=asked).json()["offers"])
    assert http.get("/trains/offers", params={**asked, "date": "soon"}).json()["field"] == "date"
    assert (
        http.get("/hotels/offers", params={"city": "B", "check_in": "2026-06-01"}).json()["field"] == "nights"
    )
