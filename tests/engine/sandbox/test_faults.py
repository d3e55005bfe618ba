"""The panel of faults: what each lets land, and what its caller sees."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.engine.sandbox.calls import FLIGHT, actions, book, cancel, found, plant


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [("fail", 503, "unavailable"), ("refuse", 403, "refused"), ("sold_out", 409, "sold_out")],
)
def test_refusing_faults_let_nothing_land_and_strike_once(http, kind, status, error):
    plant(http, kind)
    answer = book(http, "k1")
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert http.get("/ledger").json()["entries"] == []
    assert book(http, "k1").status_code == 201
    assert http.get("/faults").json()["faults"] == []


def test_error_after_lands_and_the_retry_replays(http):
    plant(http, "error_after")
    assert book(http, "k1").status_code == 500
    assert found(http, "k1")
    assert book(http, "k1").headers["Idempotent-Replayed"] == "true"
    assert actions(http) == ["book"]


def test_garbage_lands_and_answers_what_is_no_json(http):
    plant(http, "garbage")
    answer = book(http, "k1")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()
    assert found(http, "k1")


def test_timeout_but_land_has_landed_when_the_client_gives_up(http):
    plant(http, "timeout_but_land", delay_s=20)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/flights/bookings", json=FLIGHT, headers={"Idempotency-Key": "k1"}, timeout=0.2)
    assert found(http, "k1")
    assert book(http, "k1").headers["Idempotent-Replayed"] == "true"
    assert actions(http) == ["book"]


def test_slow_answers_late_and_rightly(http):
    plant(http, "slow", delay_s=0.2)
    start = time.monotonic()
    assert book(http, "k1").status_code == 201
    assert time.monotonic() - start >= 0.2


def test_land_late_is_in_flight_after_the_client_has_gone_and_then_lands_once(http):
    plant(http, "land_late", delay_s=0.8)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/flights/bookings", json=FLIGHT, headers={"Idempotency-Key": "k1"}, timeout=0.1)
    assert not found(http, "k1")
    waiting = book(http, "k1")
    assert (waiting.status_code, waiting.json()["error"]) == (409, "in_progress")
    assert waiting.headers["Retry-After"] == "1"
    assert book(http, "k1", passenger="Grace").json()["error"] == "key_reused"
    assert cancel(http, "/flights/bookings?key=k1").json()["error"] == "in_progress"
    state = http.get("/state").json()
    assert (state["clean"], state["in_flight"]) == (False, 1)
    time.sleep(0.9)
    assert actions(http) == ["book"]
    assert found(http, "k1")
    assert book(http, "k1").headers["Idempotent-Replayed"] == "true"
    assert cancel(http, "/flights/bookings?key=k1").status_code == 200


def test_land_late_tells_a_patient_client_nothing(http):
    plant(http, "land_late", delay_s=0.1)
    assert book(http, "k1").status_code == 504
    assert actions(http) == ["book"]


def test_a_cancel_can_land_late_too(http):
    book(http, "k1")
    plant(http, "land_late", operation="cancel", delay_s=0.3)
    with pytest.raises(httpx.ReadTimeout):
        http.delete("/flights/bookings?key=k1", headers={"Idempotency-Key": "c1"}, timeout=0.1)
    assert cancel(http, "/flights/bookings?key=k1", "c1").json()["error"] == "in_progress"
    assert http.get("/flights/bookings?key=k1").json()["status"] == "booked"
    time.sleep(0.4)
    assert actions(http) == ["book", "cancel"]
    assert cancel(http, "/flights/bookings?key=k1", "c1").headers["Idempotent-Replayed"] == "true"


def test_a_late_landing_whose_goods_are_gone_comes_to_nothing_and_frees_its_key(http):
    plant(http, "land_late", resource="inventory/reservations", delay_s=0.3)
    with pytest.raises(httpx.ReadTimeout):
        http.post(
            "/inventory/reservations",
            json={"sku": "tent", "quantity": 4},
            headers={"Idempotency-Key": "k1"},
            timeout=0.1,
        )
    book(http, "k2", "inventory/reservations", quantity=1)
    time.sleep(0.4)
    assert http.get("/state").json()["counts"]["inventory/reservations"] == 1
    assert book(http, "k1", "inventory/reservations", quantity=4).json()["error"] == "out_of_stock"


@pytest.mark.parametrize(("kind", "status", "is_undone"), [("fail", 503, False), ("error_after", 500, True)])
def test_faults_strike_cancels(http, kind, status, is_undone):
    book(http, "k1")
    plant(http, kind, operation="cancel")
    assert cancel(http, "/flights/bookings?key=k1", "c1").status_code == status
    assert http.get("/state").json()["clean"] is is_undone
    assert cancel(http, "/flights/bookings?key=k1", "c1").status_code == 200


def test_faults_strike_look_ups(http):
    book(http, "k1")
    plant(http, "fail", operation="lookup")
    assert http.get("/flights/bookings?key=k1").status_code == 503
    assert found(http, "k1")
    plant(http, "fail", operation="lookup", resource="flights/offers", match={"to": "BER"})
    asked = {"from": "SFO", "to": "BER", "date": "2026-06-01"}
    assert http.get("/flights/offers", params={**asked, "to": "CGN"}).status_code == 200
    assert http.get("/flights/offers", params=asked).status_code == 503


def test_a_fault_strikes_only_what_matches_and_as_often_as_told(http):
    plant(http, "fail", match={"passenger": "Grace"}, times=2)
    assert book(http).status_code == 201
    assert [book(http, passenger="Grace").status_code for _ in range(3)] == [503, 503, 201]


def test_a_fault_for_ever_strikes_until_it_is_removed(http):
    fault = plant(http, "refuse", times=-1)
    assert {book(http).status_code for _ in range(4)} == {403}
    assert http.get("/faults").json()["faults"] == [fault]
    assert http.delete(f"/faults/{fault['id']}").status_code == 200
    assert http.delete(f"/faults/{fault['id']}").status_code == 404
    assert book(http).status_code == 201


def test_a_replay_is_not_touched_by_sold_out_but_by_a_dead_service(http):
    book(http, "k1")
    plant(http, "sold_out")
    plant(http, "fail")
    assert book(http, "k1").status_code == 503
    assert book(http, "k1").status_code == 201
    assert [fault["kind"] for fault in http.get("/faults").json()["faults"]] == ["sold_out"]


def test_all_faults_can_be_cleared(http):
    plant(http, "fail")
    plant(http, "slow")
    assert http.delete("/faults").json() == {"removed": 2}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "explode"}, "kind"),
        ({"times": 0}, "body"),
        ({"times": -2}, "times"),
        ({"resource": "yachts"}, "body"),
        ({"resource": "flights/offers"}, "body"),
        ({"kind": "land_late", "operation": "lookup"}, "body"),
        ({"delay_s": -1}, "delay_s"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(http, change, field):
    answer = http.post("/faults", json={"kind": "fail", "resource": "flights/bookings"} | change)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
