"""What a person does first, in the real app, in a real browser, judged by the practice world's ledger."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.sandbox.world import Fault, LedgerEntry
from tests.e2e.conftest import App

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]


def run_id_of(page: Page) -> str:
    page.wait_for_url(re.compile(r"/run\?id="), timeout=30_000)
    return page.url.split("id=")[1]


def start(page: Page, app: App, name: str) -> str:
    page.goto(app.url)
    page.locator(f".st-key-gallery_run_{name} button").first.click()
    return run_id_of(page)


def approve(page: Page) -> None:
    page.get_by_text("Approve", exact=True).first.click()
    page.get_by_role("button", name="Send the answer").first.click()


def ledger(app: App) -> tuple[list[LedgerEntry], bool]:
    world = app.world()
    try:
        return world.ledger(), world.state().clean
    finally:
        world.close()


GRAPH_AT = """
const attach = Element.prototype.attachShadow
Element.prototype.attachShadow = function (how) {
  const root = attach.call(this, how)
  const look = () => { if (root.querySelector(".flow svg g")) window.graphAt ??= performance.now() }
  new MutationObserver(look).observe(root, { childList: true, subtree: true })
  return root
}
"""


def step_of(key: str | None) -> str:
    parts = str(key).split(":")
    return parts[2] if parts[0] == "c" else parts[1]


def test_the_trip_is_run_approved_and_completed_with_five_bookings(page: Page, app: App) -> None:
    run_id = start(page, app, "trip-to-germany")
    expect(page.get_by_text("Waiting for travel-desk").first).to_be_visible()
    approve(page)
    expect(page.locator(".st-key-run-head").get_by_text("Completed")).to_be_visible()
    expect(page.get_by_test_id("flow-node-flight_back")).to_have_attribute("data-status", "committed")
    entries, clean = ledger(app)
    assert Counter(entry.resource for entry in entries) == {
        "flights/bookings": 2,
        "hotels/bookings": 2,
        "trains/bookings": 1,
    }
    assert not clean
    assert app.row(run_id).status == "completed"
    page.goto(f"{app.url}/sandbox")
    expect(page.get_by_text("Flight CGN to SFO").first).to_be_visible()


def test_the_graph_of_a_run_is_there_before_the_browser_reads_what_draws_its_chart(
    page: Page, app: App
) -> None:
    run_id = start(page, app, "trip-to-germany")
    expect(page.get_by_text("Waiting for travel-desk").first).to_be_visible()
    page.add_init_script(GRAPH_AT)
    page.goto(f"{app.url}/run?id={run_id}")
    expect(page.get_by_test_id("chart").locator(".main-svg").first).to_be_visible()
    began = "performance.getEntriesByType('resource').find(({ name }) => name.endsWith('plotly.min.js')).startTime"
    assert page.evaluate(f"[window.graphAt < {began}, window.graphAt, {began}]")[0]


def test_a_sold_out_flight_home_is_undone_before_the_readers_eyes(page: Page, app: App) -> None:
    page.goto(app.url)
    page.locator(".st-key-gallery_breaks_trip-to-germany button").first.click()
    page.locator(".st-key-gallery_break_trip-to-germany_0 button").first.click()
    run_id = run_id_of(page)
    approve(page)
    head = page.locator(".st-key-run-head")
    expect(head.get_by_text("Compensated")).to_be_visible()
    story = page.locator(f".st-key-run-{run_id}-story")
    expect(story).to_contain_text("sold out")
    expect(story).to_contain_text("All 4 effects were undone, in this order: Hotel in Cologne; then")
    expect(story).to_contain_text("then Flight to Berlin.")
    entries, clean = ledger(app)
    assert clean
    undone = [step_of(entry.key) for entry in entries if str(entry.key).startswith("c:")]
    assert undone[0] == "hotel_cologne"
    assert set(undone[1:3]) == {"hotel_berlin", "train"}
    assert undone[3:] == ["flight_out"]
    for step in ("flight_out", "hotel_berlin", "train", "hotel_cologne"):
        expect(page.get_by_test_id(f"flow-node-{step}")).to_have_attribute("data-status", "compensated")


def fill(page: Page, key: str, text: str, tag: str = "input") -> None:
    """Type into a field of the Designer and leave it."""
    field = page.locator(f".st-key-designer-step-{key} {tag}").first
    field.fill(text)
    field.press("Tab" if tag == "input" else "Control+Enter")


def choose(page: Page, key: str, option: str) -> None:
    page.locator(f".st-key-designer-step-{key} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def press(page: Page, key: str) -> None:
    page.locator(f".st-key-designer-{key} button").first.click()


def test_a_saga_of_three_steps_is_drawn_from_nothing_saved_and_run(page: Page, app: App) -> None:
    head = page.locator(".st-key-designer-head")
    page.goto(f"{app.url}/designer")
    press(page, "blank")
    press(page, "add-http")
    fill(page, "call_service-title", "Reserve the goods")
    expect(page.locator(".st-key-designer-step-head")).to_contain_text("Reserve the goods")
    choose(page, "call_service-with-method", "POST")
    expect(head).to_contain_text("1 problem")
    fill(page, "call_service-with-url", "${world}/inventory/reservations")
    fill(page, "call_service-with-json", '{"sku": "tent", "quantity": 1}', "textarea")
    choose(page, "call_service-effect", "Can be undone (compensatable)")
    expect(head).not_to_contain_text("problem")
    for kind in ("approval", "wait"):
        press(page, f"add-{kind}")
        expect(page.locator(".st-key-designer-step-head")).to_contain_text(kind.title())
    press(page, "save")
    expect(head).to_contain_text("v1 saved")
    press(page, "run")
    page.get_by_role("button", name="Start the run").click()
    run_id = run_id_of(page)
    page.get_by_text("Deny", exact=True).first.click()
    page.get_by_role("button", name="Send the answer").first.click()
    expect(page.locator(".st-key-run-head").get_by_text("Compensated")).to_be_visible()
    entries, clean = ledger(app)
    assert [entry.resource for entry in entries] == ["inventory/reservations"] * 2
    assert clean
    assert app.row(run_id).steps == 3


def test_kill_9_in_the_middle_and_the_run_goes_on_by_itself(page: Page, app: App) -> None:
    world = app.world()
    world.add_fault(Fault(kind="slow", resource="trains/bookings", times=1, delay_s=3))
    run_id = start(page, app, "trip-to-germany")
    until = time.monotonic() + 20
    while not any(entry.resource == "trains/bookings" for entry in world.ledger()):
        assert time.monotonic() < until
        time.sleep(0.02)
    page.goto("about:blank")
    app.kill()
    world.close()
    app.start()
    page.goto(f"{app.url}/run?id={run_id}")
    expect(page.get_by_text("Waiting for travel-desk").first).to_be_visible(timeout=40_000)
    approve(page)
    expect(page.locator(".st-key-run-head").get_by_text("Completed")).to_be_visible()
    entries, _ = ledger(app)
    assert Counter(step_of(entry.key) for entry in entries) == dict.fromkeys(
        ("flight_out", "hotel_berlin", "train", "hotel_cologne", "flight_back"), 1
    )


def test_the_app_stops_cleanly_on_sigterm(app: App) -> None:
    assert app.stop() < 10
    assert app.process is not None
    assert app.process.returncode in {0, -15}
    assert "Traceback" not in (app.data.parent / "serve.log").read_text()


def test_every_page_opens_in_light_and_dark_without_an_error(page: Page, app: App, tmp_path: Path) -> None:
    start(page, app, "order-fulfilment")
    expect(page.locator(".st-key-run-head").get_by_text("Completed")).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in ("", "runs", "designer", "approvals", "sandbox", "guide", "settings"):
            page.goto(f"{app.url}/{path}")
            expect(page.locator("h1, h2").first).to_be_visible()
            expect(page.locator("[data-testid=stException]")).to_have_count(0)
            page.screenshot(path=tmp_path / f"{path or 'gallery'}-{scheme}.png")
