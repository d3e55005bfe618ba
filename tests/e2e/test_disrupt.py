"""Somebody changes a fact from the Run page, sees first what follows, and looks at what the run went by."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App
from tests.e2e.test_waiting import begin, draft

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]
PRICED = """
saga: priced
title: A price that changes
recovery: repair
assumptions: [{name: rooms, value: 1, otherwise: 2, why: one is enough, owner: the desk}]
steps:
  find: {kind: python, title: Find an offer, with: {function: echo, args: {price: 420}}}
  book: {kind: python, title: Book it, needs: find,
    with: {function: echo, args: {pay: "${steps.find.output.price * assume.rooms}"}}}
  look: {kind: python, title: Look around, needs: find, with: {function: noop}}
  sure: {kind: approval, title: Shall it be, needs: [book, look], with: {question: All well?}}
"""


def test_a_fact_is_changed_with_its_consequences_in_view_and_only_who_used_it_acts_again(
    page: Page, app: App
) -> None:
    draft(app, PRICED)
    begin(page, app, "priced")
    page.locator(".st-key-run-disrupt-open button").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("The world changes", exact=True).click()
    path = dialog.locator(".st-key-run-disrupt-path input")
    path.fill("steps.find.output.price")
    path.press("Enter")
    value = dialog.locator(".st-key-run-disrupt-value input")
    value.fill("500")
    value.press("Enter")
    expect(dialog.locator(".st-key-run-disrupt-ways-repair")).to_contain_text("Done anew: 2 steps")
    expect(dialog.locator(".st-key-run-disrupt-ways-repair")).to_contain_text("Look around")
    dialog.get_by_text("Why these: 2 steps, by dependency and by data").click()
    page.screenshot(path=str(app.data.parent / "disrupt.png"))
    dialog.get_by_role("button", name="Let it happen").click()
    expect(dialog).to_be_hidden()
    book = page.get_by_test_id("flow-node-book")
    expect(book).to_contain_text("Book it")
    page.get_by_text("Facts", exact=True).click()
    facts = page.locator("[class*='-view-facts']")
    expect(facts).to_contain_text("steps.find.output.price is 500 now")
    expect(facts).to_contain_text("assumed by the desk")
    facts.get_by_text("Refuse", exact=True).click()
    facts.get_by_label("Reason").fill("we are four")
    facts.get_by_role("button", name="Say so").click()
    expect(facts).to_contain_text("assume.rooms = 2")
    page.screenshot(path=str(app.data.parent / "facts.png"), full_page=True)
    page.get_by_text("Rollback", exact=True).click()
    expect(page.locator("[class*='-view-rollback']")).to_contain_text("Repair 2")
