"""The practice world after kill -9: what was answered is there, and what was under way still lands."""

from __future__ import annotations

import subprocess
import sys
import time

import httpx
import pytest

from engine.sandbox.world import World

PROGRAM = """
import sys
from engine.sandbox.server import SandboxServer
from engine.sandbox.world import World
with SandboxServer(World(sys.argv[1])) as server:
    print(server.url, flush=True)
    server.wait()
"""
TICKET = {"title": "Disk full", "severity": "high"}


def test_what_was_answered_survives_kill_9_and_what_was_in_flight_lands(tmp_path):
    path = tmp_path / "world.db"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().strip()
        with httpx.Client(base_url=url, trust_env=False) as http:
            made = [
                http.post("/tickets", json=TICKET, headers={"Idempotency-Key": f"k{n}"}) for n in range(5)
            ]
            http.post("/faults", json={"kind": "land_late", "resource": "tickets", "delay_s": 0.5})
            with pytest.raises(httpx.ReadTimeout):
                http.post("/tickets", json=TICKET, headers={"Idempotency-Key": "late"}, timeout=0.1)
    finally:
        process.kill()
        process.communicate()
    world = World(path)
    try:
        assert [entry.id for entry in world.ledger()][:5] == [answer.json()["id"] for answer in made]
        time.sleep(0.5)
        assert world.find("tickets", key="late").status == 200
        assert world.state().in_flight == 0
    finally:
        world.close()
