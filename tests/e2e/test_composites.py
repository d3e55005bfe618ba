"""Going into composite steps and back, in the real app, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, press_for

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]

SAGA = """
saga: inside
title: Steps inside
steps:
  offers:
    kind: map
    title: Offers
    with: {over: [Berlin, Paris, Rome]}
    body:
      steps:
        ask: {kind: python, title: Ask, with: {function: echo, args: {city: '${item}'}}}
        keep: {kind: python, title: Keep, needs: ask, with: {function: noop}}
  refine:
    kind: loop
    title: Refine
    needs: offers
    with: {until: output.round >= 3, score: output.round}
    body:
      steps: {write: {kind: python, title: Write, with: {function: echo, args: {round: '${round}'}}}}
"""


def started(page: Page, app: App) -> str:
    """Write the saga into the Designer's source, run it, and return the run's id."""
    page.goto(f"{app.url}/designer")
    page.locator(".st-key-designer-blank button").click()
    page.locator(".st-key-designer-view").get_by_text("Source").click()
    source = page.locator(".st-key-designer-source textarea")
    source.fill(SAGA)
    source.press("Control+Enter")
    page.locator(".st-key-designer-source-apply button").click()
    expect(page.locator(".st-key-designer-head")).to_contain_text("Steps inside")
    page.locator(".st-key-designer-save button").first.click()
    expect(page.locator(".st-key-designer-head")).to_contain_text("v1 saved")
    start = page.get_by_role("button", name="Start the run")
    press_for(page.locator(".st-key-designer-run button").first, start)
    start.click()
    page.wait_for_url(re.compile(r"/run\?id="), timeout=30_000)
    return page.url.split("id=")[1]


def test_an_item_and_a_round_are_opened_and_the_way_leads_back(page: Page, app: App) -> None:
    run_id = started(page, app)
    expect(page.locator(".st-key-run-head").get_by_text("Completed")).to_be_visible()
    card = page.get_by_test_id("flow-node-offers")
    expect(card).to_contain_text("3/3 done")
    card.click()
    page.locator(f".st-key-run-{run_id}-open-offers button").click()
    way = page.locator(f".st-key-run-{run_id}-way")
    expect(way).to_contain_text("Offers")
    page.goto(f"{app.url}/run?id={run_id}&at=offers.2")
    expect(page.get_by_test_id("flow-node-offers.2.keep")).to_have_attribute("data-status", "committed")
    expect(way).to_contain_text("Paris (2)")
    way.get_by_role("button", name="Steps inside").click()
    page.get_by_test_id("flow-node-refine").click()
    page.locator(f".st-key-run-{run_id}-open-refine button").click()
    latest = page.locator(f".st-key-run-{run_id}-rounds-refine-3")
    expect(latest).to_contain_text("The one that counts")
    expect(latest).to_contain_text('"round": 3')
    page.locator(f".st-key-run-{run_id}-rounds-refine-2-open button").click()
    expect(page.get_by_test_id("flow-node-refine.2.write")).to_have_attribute("data-status", "committed")
    expect(way).to_contain_text("Round 2")
