"""Pages without a browser: nothing has to be drawn before charts come."""

from __future__ import annotations

import pytest

from ui.components import timeline


@pytest.fixture(autouse=True)
def charts_come_at_once(monkeypatch):
    monkeypatch.setattr(timeline, "FIRST_CHART_WAITS_S", 0)
