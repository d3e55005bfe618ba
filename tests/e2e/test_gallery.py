"""Every template of the Gallery is one click from its end; people only say yes where they are asked."""

from __future__ import annotations

import contextlib
import time

import pytest
from playwright.sync_api import Page

from engine.ports import RunFilter, RunRow
from engine.templates import templates
from storage.store import SqlStore
from tests.e2e.conftest import App
from tests.e2e.test_journeys import approve, start
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]
PATIENCE_S = 300


def test_every_template_is_one_click_from_its_end(page: Page, app: App) -> None:
    begun = {start(page, app, template.name): template.name for template in templates()}
    until = time.monotonic() + PATIENCE_S
    while open_ := [row for row in rows(app) if row.ended_at is None]:
        assert time.monotonic() < until, [(row.saga, row.status) for row in open_]
        for row in open_:
            if row.approvals:
                say_yes(page, app, row)
        time.sleep(0.2)
    ends = {begun[row.id]: row.status for row in rows(app)}
    assert ends == {template.name: "completed" for template in templates()}


def say_yes(page: Page, app: App, row: RunRow) -> None:
    """Approve the first question of a run; once more where Streamlit lost the click while it redrew."""
    for _ in range(3):
        page.goto(f"{app.url}/run?id={row.id}")
        approve(page)
        with contextlib.suppress(AssertionError):
            eventually(lambda: app.row(row.id).approvals[:1] != row.approvals[:1], 20)
            return
    raise AssertionError(f"the answer about {row.approvals[0].step} of {row.saga} was lost")


def rows(app: App) -> list[RunRow]:
    store = SqlStore(f"sqlite:///{app.data / 'saga.db'}")
    try:
        return store.rows(RunFilter(), 100)
    finally:
        store.close()
