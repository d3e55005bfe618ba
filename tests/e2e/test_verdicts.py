"""A person decides in a validator's place, and what was checked is seen, in the real app and a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App
from tests.e2e.test_waiting import begin, draft

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]
ASKS = """
saga: offers
title: An offer to look at
steps:
  find: {kind: python, title: Find an offer, with: {function: echo, args: {price: 420}},
    validate: [{name: cheap, rule: output.price < 400, on_fail: ask}]}
  book: {kind: python, title: Book it, needs: find, with: {function: noop}}
edges: [{from: find, to: book, validate: [{name: has_price, rule: has(output.price)}]}]
"""


def test_a_finding_is_decided_in_the_approvals_and_seen_on_every_page(page: Page, app: App) -> None:
    draft(app, ASKS)
    run_id = begin(page, app, "offers")
    find = page.get_by_test_id("flow-node-find")
    expect(find).to_have_attribute("data-status", "awaiting_verdict")
    expect(page.get_by_test_id("flow-edge-find.>book")).to_have_attribute("data-check", "checked")
    expect(page.locator(".st-key-run-head")).to_contain_text("Waiting for a decision")
    page.get_by_role("link", name="Approvals · 1").click()
    form = page.locator(f".st-key-approvals-{run_id}-find")
    expect(form).to_contain_text("Waiting for a decision: cheap")
    expect(form).to_contain_text("Recommended: Reject")
    form.get_by_text("Accept as it is", exact=True).first.click()
    form.get_by_label("Reason").fill("worth it")
    form.get_by_role("button", name="Send the decision").click()
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    page.goto(f"{app.url}/run?id={run_id}")
    expect(page.locator(".st-key-run-head").get_by_text("Completed")).to_be_visible()
    find.click()
    inspector = page.locator(".st-key-run-inspector")
    inspector.get_by_text("Validation", exact=True).click()
    expect(inspector).to_contain_text("tester accepted it: worth it")
    page.get_by_role("link", name="Validators").click()
    expect(page.locator(".st-key-validators-numbers")).to_contain_text("100 % of what was caught")


def test_an_edge_gets_a_validator_and_the_canvas_says_so(page: Page, app: App) -> None:
    draft(app, ASKS.partition("edges:")[0])
    page.goto(f"{app.url}/designer?saga=offers")
    page.locator(".st-key-designer-below").get_by_text("Edges", exact=True).click()
    page.locator(".st-key-designer-edge-find--book-checks button").first.click()
    inspector = page.locator(".st-key-designer-inspector")
    expect(inspector).to_contain_text("Find an offer → Book it")
    inspector.get_by_role("button", name="Add", exact=True).click()
    expect(inspector).to_contain_text("check · Rule · reject")
    expect(page.locator(".st-key-designer-below").get_by_role("button", name="1 check")).to_be_visible()
