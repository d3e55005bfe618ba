"""The file behind the practice world, and its server."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from engine.sandbox.server import SandboxServer, serve
from engine.sandbox.world import World
from tests.engine.sandbox.calls import BODIES, FLIGHT, book, found, plant


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
