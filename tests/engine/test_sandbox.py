"""The practice world over real HTTP: effects, keys, cancels, faults, and what is left of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from engine.sandbox.catalogue import COLLECTIONS
from engine.sandbox.server import SandboxServer, serve
from engine.sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLIGHT = {"from": "SFO", "to": "BER", "date": "2026-06-01", "passenger": "Ada"}
HOTEL = {"city": "Berlin", "check_in": "2026-06-02", "nights": 3}
BODIES: dict[str, dict[str, Any]] = {
    "flights/bookings": FLIGHT,
    "hotels/bookings": HOTEL,
    "trains/bookings": {"from": "Berlin", "to": "Cologne", "date": "2026-06-05"},
    "payments/authorisations": {"amount_usd": 120.5, "order": "A-1"},
    "payments/captures": {"amount_usd": 120.5, "order": "A-1"},
    "inventory/reservations": {"sku": "tent", "quantity": 2},
    "shipping/orders": {"order": "A-1", "address": {"city": "Berlin"}},
    "tickets": {"title": "Disk full", "severity": "high"},
    "changes": {"service": "api", "action": "restart"},
    "notices": {"to": "ada@example.com", "text": "Your {trip} is on"},
}


@pytest.fixture(scope="module")
def path_of_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox") / "world.db"


@pytest.fixture(scope="module")
def only_world(path_of_world: Path) -> Iterator[World]:
    world = World(path_of_world)
    yield world
    world.close()


@pytest.fixture
def world(only_world: World) -> World:
    only_world.reset()
    return only_world


@pytest.fixture(scope="module")
def only_client(only_world: World) -> Iterator[httpx.Client]:
    with SandboxServer(only_world) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


@pytest.fixture
def http(world: World, only_client: httpx.Client) -> httpx.Client:
    return only_client


def book(
    http: httpx.Client, key: str | None = None, path: str = "flights/bookings", **more: Any
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return http.post(f"/{path}", json=BODIES[path] | more, headers=headers)


def cancel(http: httpx.Client, where: str, key: str | None = None) -> httpx.Response:
    return http.delete(where, headers={"Idempotency-Key": key} if key else {})


def plant(http: httpx.Client, kind: str, **more: Any) -> dict[str, Any]:
    response = http.post("/faults", json={"kind": kind, "resource": "flights/bookings", **more})
    assert response.status_code == 201, response.text
    return response.json()


def actions(http: httpx.Client) -> list[str]:
    return [entry["action"] for entry in http.get("/ledger").json()["entries"]]


def found(http: httpx.Client, key: str, path: str = "flights/bookings") -> bool:
    return http.get(f"/{path}", params={"key": key}).status_code == 200


# --- effects and their undoing ---


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


def test_trains_and_bad_questions(http):
    asked = {"from": "Berlin", "to": "Cologne", "date": "2026-06-05"}
    assert all(45 <= o["price_usd"] <= 75 for o in http.get("/trains/offers", params=asked).json()["offers"])
    assert http.get("/trains/offers", params={**asked, "date": "soon"}).json()["field"] == "date"
    assert (
        http.get("/hotels/offers", params={"city": "B", "check_in": "2026-06-01"}).json()["field"] == "nights"
    )


# --- idempotency keys ---


def test_the_same_key_and_body_replays_the_first_answer(http):
    first, again = book(http, "k1"), book(http, "k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert actions(http) == ["book"]


def test_the_same_key_with_another_body_is_refused(http):
    book(http, "k1")
    answer = book(http, "k1", passenger="Grace")
    assert (answer.status_code, answer.json()["error"]) == (422, "key_reused")
    assert actions(http) == ["book"]


def test_without_a_key_every_post_is_a_new_effect(http):
    assert book(http).json()["id"] != book(http).json()["id"]


def test_one_key_in_two_collections_is_two_keys(http):
    assert book(http, "k1").status_code == book(http, "k1", "hotels/bookings").status_code == 201


def test_twenty_concurrent_posts_of_one_key_make_one_effect(http):
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: book(http, "k1"), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 19
    assert actions(http) == ["book"]


# --- bad requests ---


@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        ("flights/bookings", {"passenger": None}, "passenger"),
        ("flights/bookings", {"date": "June 1"}, "date"),
        ("flights/bookings", {"date": "20260601"}, "date"),
        ("flights/bookings", {"date": 20260601}, "date"),
        ("flights/bookings", {"from": "  "}, "from"),
        ("hotels/bookings", {"nights": 0}, "nights"),
        ("hotels/bookings", {"nights": True}, "nights"),
        ("hotels/bookings", {"stars": 9}, "stars"),
        ("payments/captures", {"amount_usd": -1}, "amount_usd"),
        ("payments/captures", {"amount_usd": "12"}, "amount_usd"),
        ("payments/captures", {"amount_usd": 10**400}, "amount_usd"),
        ("shipping/orders", {"address": {}}, "address"),
        ("inventory/reservations", {"quantity": 1.5}, "quantity"),
    ],
)
def test_a_bad_field_is_named_and_nothing_lands(http, path, change, field):
    answer = book(http, "k1", path, **change)
    assert answer.status_code == 400
    assert (answer.json()["error"], answer.json()["field"]) == ("invalid", field)
    assert field in answer.json()["message"]
    assert http.get("/state").json()["clean"] is True
    assert book(http, "k1", path).status_code == 201


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"a": NaN}', b'"\xff"', b'{"title": "\\ud800"}', b"[" * 9999]
)
def test_a_body_that_is_no_json_object_is_a_clear_400(http, content):
    answer = http.post("/tickets", content=content)
    assert (answer.status_code, answer.json()["field"]) == (400, "body")


def test_unknown_paths_and_methods_answer_in_json(http):
    assert http.get("/nowhere").json()["error"] == "not_found"
    assert http.put("/tickets").json()["error"] == "method_not_allowed"
    assert http.get("/tickets").json()["field"] == "key"
    assert http.delete("/tickets").json()["field"] == "key"
    assert "flights/bookings" in http.get("/").json()["collections"]


# --- faults ---


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


# --- the file and the server ---


def test_everything_is_there_in_a_new_world_on_the_same_file(http, world, path_of_world):
    first = book(http, "k1").json()
    plant(http, "land_late", delay_s=0.2)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/flights/bookings", json=FLIGHT, headers={"Idempotency-Key": "k2"}, timeout=0.1)
    plant(http, "fail", times=3)
    other = World(path_of_world)  # as another process would
    try:
        assert other.find("flights/bookings", key="k1").body == first
        assert other.create("flights/bookings", FLIGHT, "k1").status == 503
        assert other.faults()[0].times == 2
        assert other.clear_faults() == 1
        assert other.create("flights/bookings", FLIGHT, "k1").replayed
        time.sleep(0.2)
        assert other.find("flights/bookings", key="k2").status == 200  # what lands late needs no process
        assert len(other.ledger()) == len(world.ledger()) == 2
    finally:
        other.close()


def test_two_worlds_on_one_file_make_one_effect_of_one_key(world, path_of_world):
    other = World(path_of_world)
    with ThreadPoolExecutor(8) as pool:
        turns = [world, other] * 8
        ids = {a.body["id"] for a in pool.map(lambda w: w.create("tickets", BODIES["tickets"], "k1"), turns)}
    other.close()
    assert len(ids) == len(world.ledger()) == 1


def test_reset_makes_the_world_new(http):
    book(http, "k1")
    plant(http, "fail", times=5)
    assert http.post("/reset").status_code == 200
    assert http.get("/ledger").json() == {"entries": []}
    assert http.get("/faults").json() == {"faults": []}
    assert "Idempotent-Replayed" not in book(http, "k1").headers
    assert http.get("/ledger").json()["entries"][0]["seq"] == 1


def test_the_server_stops_quickly_while_answers_hang_and_starts_again_on_its_port(world):
    server = SandboxServer(world).start()
    url = server.url
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as http, ThreadPoolExecutor(1) as pool:
        plant(http, "timeout_but_land", delay_s=60)
        hanging = pool.submit(book, http, "k1")
        while not found(http, "k1"):
            time.sleep(0.02)
        start = time.monotonic()
        server.stop()
        assert time.monotonic() - start < 2
        assert hanging.result().json()["error"] == "shutting_down"
    with server, httpx.Client(base_url=url, trust_env=False) as http:
        assert server.url == url
        assert found(http, "k1")


def test_a_server_can_not_start_twice_nor_on_a_taken_port(world):
    with SandboxServer(world) as server:
        with pytest.raises(RuntimeError, match="running already"):
            server.start()
        with pytest.raises(OSError, match="in use"):
            SandboxServer(world, int(server.url.rsplit(":", 1)[1])).start()


def test_serve_blocks_until_interrupted(world, monkeypatch):
    seen = []

    def interrupt(server):
        seen.append(httpx.get(f"{server.url}/state", trust_env=False).status_code)
        raise KeyboardInterrupt

    monkeypatch.setattr(SandboxServer, "wait", interrupt)
    serve(world, 0)
    assert seen == [200]
