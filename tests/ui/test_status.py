import tomllib
from pathlib import Path
from typing import get_args

import pytest

from engine.core.events import Verdict
from ui.models import status
from ui.models.status import EFFECT, FLAG, KIND, MARK, RUN, STEP, SURFACES, TONES, VERDICT

CONFIG = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())["theme"]
STEP_STATES = [
    "pending",
    "ready",
    "awaiting_approval",
    "awaiting_locks",
    "waiting",
    "running",
    "unknown",
    "retry_wait",
    "validating",
    "committed",
    "stale",
    "skipped",
    "handled",
    "withdrawn",
    "failed",
    "to_compensate",
    "compensating",
    "compensated",
    "empty",
    "comp_failed",
    "excused",
]
RUN_STATES = [
    "running",
    "draining",
    "repairing",
    "compensating",
    "needs_attention",
    "completed",
    "compensated",
    "compensated_with_exceptions",
    "abandoned",
]
LOOKS = [look for table in (STEP, RUN, FLAG, KIND, EFFECT, MARK, VERDICT) for look in table.values()]


def contrast(one, other):
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_state_of_the_state_machines_has_a_look():
    assert set(STEP_STATES) <= set(STEP)
    assert set(RUN_STATES) == set(RUN)
    assert {"incident", "paused", "waiting", "stalled"} == set(FLAG)
    assert set(get_args(Verdict)) | {"propose"} == set(VERDICT)


@pytest.mark.parametrize("table", [STEP, RUN, VERDICT], ids=["steps", "runs", "verdicts"])
def test_no_two_states_read_or_look_the_same(table):
    assert len({look.word for look in table.values()}) == len(table)
    assert len({(look.icon, look.family) for look in table.values()}) == len(table)


def test_every_icon_is_shipped_as_an_outline():
    for look in LOOKS:
        assert look.path.startswith("M")
        assert look.material == f":material/{look.icon}:"


def test_violet_means_undo():
    undo = {"standby", "to_compensate", "compensating", "compensated", "empty"}
    assert {name for name, look in STEP.items() if look.family == "violet"} == undo
    assert {name for name, look in RUN.items() if look.family == "violet"} == {"compensating", "compensated"}
    for theme in ("light", "dark"):
        assert TONES[theme]["violet"].fill not in CONFIG[theme]["chartCategoricalColors"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_config_has_the_same_colours(theme):
    for family, tone in TONES[theme].items():
        assert CONFIG[theme][f"{family}Color"] == tone.fill
        assert CONFIG[theme][f"{family}TextColor"] == tone.text
    surface = SURFACES[theme]
    assert CONFIG[theme]["backgroundColor"] == surface.page
    assert CONFIG[theme]["textColor"] == surface.text
    assert CONFIG[theme]["borderColor"] == surface.border


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_are_readable_on_page_and_card(theme):
    surface = SURFACES[theme]
    for tone in TONES[theme].values():
        assert min(contrast(tone.text, surface.page), contrast(tone.text, surface.card)) >= 4.5
    assert contrast("#ffffff", CONFIG[theme]["primaryColor"]) >= 4


def test_the_theme_loads_nothing_from_the_network():
    assert "http" not in (Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text()
    for asset in (Path(status.__file__).parents[1] / "assets").glob("*.svg"):
        assert asset.read_text().count("http") == 1, "only the SVG name space"


def test_an_undeclared_status_shows_its_own_name():
    assert status.step_look("half_done").word == "Half done"
    assert status.run_look("").word == "Not known here"
    assert status.kind_look("ftp") == status.Look("ftp", "build", "gray")
    with pytest.raises(KeyError):
        status.icon_path("no-such-icon")
