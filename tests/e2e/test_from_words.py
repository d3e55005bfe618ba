"""From words to a run, in the real app and a real browser: drafted, looked at, approved, started."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]


def test_a_problem_in_words_becomes_a_run(page: Page, app: App) -> None:
    page.goto(f"{app.url}/plan")
    page.get_by_role("button", name="An order", exact=False).click()
    expect(page.get_by_label("Constraints, one a line")).to_contain_text("The money is held")
    page.get_by_role("button", name="Draft", exact=True).click()
    first = page.locator(".st-key-plan-proposal-0")
    expect(first).to_contain_text("Ready")
    expect(page.locator(".st-key-plan-proposal-1")).to_contain_text("Ready")
    first.get_by_text("Round 1", exact=False).click()
    expect(first).to_contain_text("An effect without an undo")
    expect(first).to_contain_text("steps.hold_money.compensate: its effect has no undo")
    first.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator(".st-key-run-head").get_by_text("Completed")).to_be_visible()
    assert len(app.world().ledger()) == 5


def test_what_a_model_wrote_is_marked_until_it_is_accepted(page: Page, app: App) -> None:
    page.goto(f"{app.url}/plan")
    page.get_by_role("button", name="An incident", exact=False).click()
    expect(page.get_by_label("Constraints, one a line")).to_contain_text("A person says yes")
    page.get_by_role("button", name="Draft", exact=True).click()
    page.locator(".st-key-plan-proposal-0").get_by_role("button", name="Open in the Designer").click()
    marks = page.get_by_role("button", name="parts by a model")
    expect(marks).to_be_visible()
    expect(page.locator(".st-key-designer-inspector")).to_contain_text("Written by scripted/words-incident")
    marks.click()
    page.get_by_role("button", name="Accept all").click()
    expect(marks).to_have_count(0)
    page.get_by_role("button", name="Save v1").click()
    expect(page.get_by_text("v1 saved")).to_be_visible()
