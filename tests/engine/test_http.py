"""HTTP calls: what each answer, and each way of getting none, says about the effect (R3, R4, R9)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from engine.core.document import parse_saga
from engine.core.events import Phase
from engine.ports import Call, Outcome
from engine.steps.http import HttpPerformer

SAGA = parse_saga(
    "saga: s\nsteps: {post: {kind: http, effect: pivot, with: {method: POST, url: 'http://far/orders'}},"
    " get: {kind: http, with: {url: 'http://far/orders'}}}"
)


def asked(
    answer: Callable[[httpx.Request], httpx.Response],
    step: str = "post",
    phase: Phase = "forward",
    **what: Any,
) -> Outcome:
    """Return what a call is told whose target answers so."""
    method = "POST" if step == "post" else "GET"
    request = {"method": method, "url": "http://far/orders", "json": {"n": 1}, **what}
    call = Call("r", SAGA.steps[step], phase, "http", 1, "r:post:1", request, 5.0, step)

    async def perform() -> Outcome:
        performer = HttpPerformer({"far": "http://near"})
        performer._client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        try:
            return await performer.perform(call)
        finally:
            await performer.close()

    return asyncio.run(perform())


def breaking(error: type[httpx.HTTPError]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error("gone")

    return answer


@pytest.mark.parametrize("error", [httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_R03_a_connection_lost_after_sending_leaves_an_effect_unknown(error: type[httpx.HTTPError]) -> None:
    assert asked(breaking(error)).outcome == "unknown"
    assert asked(breaking(error), phase="undo").outcome == "unknown"
    assert asked(breaking(error), step="get").outcome == "failed"


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_R03_what_never_connected_had_no_effect(error: type[httpx.HTTPError]) -> None:
    assert asked(breaking(error)).outcome == "failed"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "ok"),
        (303, "unknown"),
        (404, "rejected"),
        (409, "rejected"),
        (429, "failed"),
        (500, "unknown"),
        (503, "unknown"),
    ],
)
def test_R03_what_a_status_says_about_an_effect(status: int, outcome: str) -> None:
    assert asked(lambda _: httpx.Response(status, json={})).outcome == outcome


def test_R03_a_server_error_on_a_readonly_call_may_be_tried_again() -> None:
    assert asked(lambda _: httpx.Response(500), step="get").outcome == "failed"


def test_R08_undoing_what_is_not_there_is_empty() -> None:
    told = asked(lambda _: httpx.Response(404), phase="undo")
    assert (told.outcome, told.empty) == ("ok", True)


@pytest.mark.parametrize(("step", "key"), [("post", "r:post:1"), ("get", None)])
def test_R04_R09_one_request_goes_out_with_the_key_of_the_effect(step: str, key: str | None) -> None:
    seen: list[httpx.Request] = []
    asked(lambda request: seen.append(request) or httpx.Response(503), step=step)
    assert [str(request.url) for request in seen] == ["http://near/orders"]
    assert seen[0].headers.get("Idempotency-Key") == key


@pytest.mark.parametrize(
    ("url", "params", "sent"),
    [
        ("http://far/rooms?city=Berlin&max=80", {}, "city=Berlin&max=80"),
        ("http://far/rooms?city=Berlin", {"max": 80, "stars": None}, "city=Berlin&max=80"),
        ("http://far/rooms?city=Berlin&max=80", {"max": 90}, "city=Berlin&max=90"),
        ("http://far/rooms", {"city": "Frankfurt (Oder)"}, "city=Frankfurt+%28Oder%29"),
        ("http://far/rooms", {}, ""),
    ],
)
@pytest.mark.parametrize("phase", ["forward", "undo", "probe"])
def test_what_stands_in_the_address_is_sent_and_params_are_added_to_it(
    url: str, params: dict[str, Any], sent: str, phase: Phase
) -> None:
    seen: list[httpx.Request] = []
    asked(lambda request: seen.append(request) or httpx.Response(200), phase=phase, url=url, params=params)
    assert [request.url.query.decode() for request in seen] == [sent]


def test_R04_the_key_is_the_engines_whatever_headers_a_step_names() -> None:
    seen: list[httpx.Request] = []
    headers = {"idempotency-key": "mine", "X-Team": "blue"}
    asked(lambda request: seen.append(request) or httpx.Response(200), headers=headers)
    assert seen[0].headers.get_list("Idempotency-Key") == ["r:post:1"]
    assert seen[0].headers["X-Team"] == "blue"


def test_R03_a_call_never_waits_for_a_connection_of_others() -> None:
    pool = HttpPerformer({})._http()._transport._pool  # type: ignore[attr-defined]
    assert pool._max_connections == sys.maxsize
