"""What runs wait for besides approvals - locks and limits - and another way taken, in the real app and a real browser."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from engine.core.document import parse_document
from engine.ports import Draft, Incident
from storage.store import SqlStore
from tests.e2e.conftest import App, press_for
from tests.e2e.test_journeys import run_id_of

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]
LOCKED = """
saga: seat
title: Seat with a lock
steps:
  hold: {kind: python, title: Hold the seat, locks: ["seat-7a"], with: {function: noop}}
  ask: {kind: approval, title: Right seat, needs: hold, with: {question: "7a?"}}
"""
LIMITED = """
saga: limited
title: Research on a budget
budget: {calls: 1, on_limit: ask}
steps:
  one: {kind: http, title: Sold out, retry: {max_attempts: 1}, with: {url: "${world}/nowhere"}}
  two: {kind: python, title: Another way, needs: one.failed, with: {function: noop}}
"""


def store_of(app: App) -> SqlStore:
    return SqlStore(f"sqlite:///{app.data / 'saga.db'}")


def draft(app: App, text: str) -> None:
    document, store = parse_document(text), store_of(app)
    store.save_draft(Draft(saga=document["saga"], document=document, by="ann", updated_at=datetime.now(UTC)))
    store.close()


def begin(page: Page, app: App, saga: str) -> str:
    page.goto(f"{app.url}/designer?saga={saga}")
    start = page.locator(f".st-key-start_{saga}_go button").first
    press_for(page.locator(".st-key-designer-run button").first, start)
    start.click()
    return run_id_of(page)


def test_a_run_waits_for_the_lock_of_another_and_goes_on_when_that_has_ended(page: Page, app: App) -> None:
    draft(app, LOCKED)
    first = begin(page, app, "seat")
    expect(page.locator(".st-key-run-id")).to_contain_text("holds seat-7a (Hold the seat) until it ends")
    second = begin(page, app, "seat")
    assert second != first
    expect(page.locator(".st-key-run-head")).to_contain_text("Waiting for a lock")
    expect(page.get_by_test_id("flow-node-hold")).to_have_attribute("data-status", "awaiting_locks")
    page.get_by_role("button", name=f"Held by {first}").click()
    page.wait_for_url(f"**/run?id={first}")
    page.get_by_text("Deny", exact=True).first.click()
    page.get_by_role("button", name="Send the answer").first.click()
    expect(page.locator(".st-key-run-head").get_by_text("Compensated")).to_be_visible()
    page.goto(f"{app.url}/run?id={second}")
    expect(page.get_by_test_id("flow-node-hold")).to_have_attribute("data-status", "committed")
    expect(page.locator(".st-key-run-id")).to_contain_text("holds seat-7a")


def test_a_run_at_its_limit_is_let_go_on_takes_another_way_and_an_incident_is_closed(
    page: Page, app: App
) -> None:
    draft(app, LIMITED)
    run_id = begin(page, app, "limited")
    expect(page.locator(".st-key-run-head")).to_contain_text("At a limit")
    page.get_by_text("Let it go on", exact=True).click()
    page.get_by_label("Why").fill("it is worth it")
    page.get_by_role("button", name="Send the answer").first.click()
    expect(page.locator(".st-key-run-head").get_by_text("Completed")).to_be_visible()
    expect(page.get_by_test_id("flow-node-one")).to_have_attribute("data-status", "handled")
    expect(page.locator(f".st-key-run-{run_id}-story")).to_contain_text("the saga took another way")
    store = store_of(app)
    found = Incident(id="i", run_id=run_id, step="one", at=datetime.now(UTC), what="it landed after the end")
    store.open_incident(found)
    expect(page.get_by_text("It landed after the end")).to_be_visible()
    expect(page.get_by_role("link", name="Approvals · 1")).to_be_visible()
    page.get_by_label("How it was settled").fill("cancelled by phone")
    page.get_by_role("button", name="Close the incident").first.click()
    expect(page.get_by_text("Incidents that are closed (1)")).to_be_visible()
    expect(page.get_by_role("link", name="Approvals · 1")).to_have_count(0)
    (closed,) = store.incidents(run_id, open_only=False)
    store.close()
    assert (closed.by, closed.reason) == ("tester", "cancelled by phone")
