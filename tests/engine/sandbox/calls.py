"""Calls that the tests of the practice world make, and the bodies they send."""

from __future__ import annotations

from typing import Any

import httpx

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
