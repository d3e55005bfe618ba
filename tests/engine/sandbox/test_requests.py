"""Idempotency keys and bad requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.engine.sandbox.calls import actions, book


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
