"""The one map from status, kind, effect and mark to word, icon, colour and pattern.

Badges, graph and timeline all read it, so a status looks the same everywhere. Colour is never the
only sign: each has a word, an icon and, where bars or borders are drawn, a pattern. Violet is undo.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Family = Literal["gray", "blue", "yellow", "orange", "green", "red", "violet"]
"""A colour family of Streamlit's theme: what `st.badge` takes and what `--st-<family>-color` names."""

Pattern = Literal["solid", "dashed", "dotted", "hatched"]
Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Tone:
    """One colour family as hex: `fill` for bars and borders, `text` readable on the page (AA)."""

    fill: str
    text: str


@dataclass(frozen=True)
class Look:
    """How one status, kind, effect or mark is shown. `icon` is a Material Symbols name."""

    word: str
    icon: str
    family: Family = "gray"
    pattern: Pattern = "solid"

    @property
    def material(self) -> str:
        """Return the icon as `st.badge`, `st.button` and Markdown take it."""
        return f":material/{self.icon}:"

    @property
    def path(self) -> str:
        """Return the icon as the `d` of an SVG path on a 24 x 24 grid."""
        return icon_path(self.icon)

    def tone(self, theme: Theme) -> Tone:
        """Return the colours for a theme."""
        return TONES[theme][self.family]


# The same hexes stand in .streamlit/config.toml as `<family>Color` and `<family>TextColor`.
TONES: Final[dict[Theme, dict[Family, Tone]]] = {
    "light": {
        "gray": Tone("#748791", "#50626b"),
        "blue": Tone("#2673dd", "#1b5bb5"),
        "yellow": Tone("#e0a100", "#835c00"),
        "orange": Tone("#dd5f14", "#a8430a"),
        "green": Tone("#1a8f52", "#137241"),
        "red": Tone("#d2322d", "#b3261e"),
        "violet": Tone("#7c3aed", "#6527d1"),
    },
    "dark": {
        "gray": Tone("#74868f", "#a3b3bb"),
        "blue": Tone("#4f97f7", "#86b9ff"),
        "yellow": Tone("#f0b72f", "#f7cd68"),
        "orange": Tone("#f5873d", "#ffab70"),
        "green": Tone("#35b779", "#67d9a0"),
        "red": Tone("#f2625c", "#ff918b"),
        "violet": Tone("#9d6bff", "#c4a5ff"),
    },
}


@dataclass(frozen=True)
class Surface:
    """The neutral colours of a theme, for what can't read CSS variables (images, charts)."""

    page: str
    card: str
    raised: str
    text: str
    muted: str
    border: str
    grid: str
    accent: str


SURFACES: Final[dict[Theme, Surface]] = {
    "light": Surface("#fbfcfc", "#ffffff", "#eef3f4", "#10222a", "#50626b", "#d6e0e3", "#e6edef", "#0b5c72"),
    "dark": Surface("#0c1418", "#121c21", "#152127", "#e4edf0", "#a3b3bb", "#26363e", "#1b282e", "#3fb0cb"),
}

STEP: Final[dict[str, Look]] = {
    "pending": Look("Not started", "radio_button_unchecked", "gray", "dotted"),
    "ready": Look("Ready", "trip_origin", "gray"),
    "awaiting_approval": Look("Waiting for approval", "how_to_reg", "yellow", "dashed"),
    "awaiting_locks": Look("Waiting for a lock", "lock", "yellow", "dashed"),
    "waiting": Look("Waiting for a time", "hourglass_top", "yellow", "dashed"),
    "running": Look("Running", "play_circle", "blue"),
    "inside": Look("Under way", "account_tree", "blue"),
    "unknown": Look("Outcome unknown", "help", "orange", "dashed"),
    "retry_wait": Look("Waiting to retry", "replay", "orange", "dotted"),
    "validating": Look("Checking the result", "fact_check", "blue", "dashed"),
    "judging": Look("Being checked", "gavel", "blue", "dashed"),
    "awaiting_verdict": Look("Waiting for a decision", "front_hand", "yellow", "dashed"),
    "committed": Look("Done", "check_circle", "green"),
    "fallback": Look("Completed with fallback", "move_down", "green", "dashed"),
    "stale": Look("Out of date", "update", "orange", "dotted"),
    "skipped": Look("Skipped", "skip_next", "gray", "dashed"),
    "handled": Look("Failed, went on", "alt_route", "orange", "dashed"),
    "withdrawn": Look("Withdrawn", "do_not_disturb_on", "gray", "dashed"),
    "failed": Look("Failed", "error", "red"),
    "standby": Look("If needed", "undo", "violet", "dashed"),
    "unneeded": Look("Not needed", "remove", "gray", "dashed"),
    "to_compensate": Look("To be undone", "pending", "violet", "dotted"),
    "compensating": Look("Undoing", "settings_backup_restore", "violet", "hatched"),
    "compensated": Look("Undone", "task_alt", "violet", "hatched"),
    "empty": Look("Nothing to undo", "remove_done", "violet", "dashed"),
    "comp_failed": Look("Undo failed", "sync_problem", "red", "hatched"),
    "excused": Look("Settled by hand", "verified_user", "orange", "hatched"),
}

RUN: Final[dict[str, Look]] = {
    "running": Look("Running", "play_circle", "blue"),
    "draining": Look("Stopping", "stop_circle", "orange", "dashed"),
    "repairing": Look("Repairing", "healing", "blue", "dashed"),
    "compensating": Look("Rolling back", "settings_backup_restore", "violet", "hatched"),
    "needs_attention": Look("Needs attention", "front_hand", "red"),
    "completed": Look("Completed", "check_circle", "green"),
    "compensated": Look("Compensated", "task_alt", "violet", "hatched"),
    "compensated_with_exceptions": Look("Compensated, with exceptions", "warning", "orange", "hatched"),
    "abandoned": Look("Abandoned", "block", "red", "dashed"),
}

FLAG: Final[dict[str, Look]] = {
    "incident": Look("Incident after the end", "gpp_maybe", "red"),
    "paused": Look("Paused", "pause_circle", "gray", "dashed"),
    "waiting": Look("Waiting", "hourglass_top", "yellow", "dashed"),
    "stalled": Look("Stalled", "priority_high", "orange", "dashed"),
}

KIND: Final[dict[str, Look]] = {
    "llm": Look("LLM", "psychology", "blue"),
    "http": Look("HTTP", "public", "green"),
    "python": Look("Python", "code", "gray"),
    "approval": Look("Approval", "how_to_reg", "yellow"),
    "wait": Look("Wait", "timer", "gray"),
    "route": Look("Route", "alt_route", "orange"),
    "activity": Look("Activity", "update", "blue"),
    "map": Look("Map", "grid_view", "blue"),
    "team": Look("Team", "groups", "blue"),
    "task": Look("Task", "person", "gray"),
    "agent": Look("Agent", "smart_toy", "blue"),
    "loop": Look("Loop", "repeat", "blue"),
    "saga": Look("Saga", "account_tree", "green"),
    "undo": Look("Undo", "undo", "violet", "dashed"),
}

EFFECT: Final[dict[str, Look]] = {
    "readonly": Look("Reads only", "visibility", "gray"),
    "compensatable": Look("Can be undone", "undo", "violet", "dashed"),
    "pivot": Look("Point of no return", "lock", "red"),
    "retriable": Look("Driven forward", "fast_forward", "blue"),
}

MARK: Final[dict[str, Look]] = {
    "disrupted": Look("Disrupted", "bolt", "orange"),
    "fault": Look("The fault started here", "flag", "red"),
    "to_check": Look("Will be checked", "fact_check", "gray"),
    "checked": Look("Every validator accepted", "check", "green"),
    "rejected": Look("Rejected by a validator", "gpp_maybe", "red"),
    "caught": Look("A validator found something", "gpp_maybe", "orange"),
    "no_verdict": Look("A validator gave no verdict", "help", "orange"),
    "replanned": Look("Changed by a new plan", "published_with_changes", "blue"),
    "stale": Look("A fact it used has changed", "update", "orange"),
    "affected": Look("Undone and done anew by the repair", "healing", "blue"),
    "anew": Look("Done anew by a repair", "replay", "blue"),
    "late": Look("Landed after it had been given up", "update", "orange"),
    "locked": Look("Holds a lock", "lock", "gray"),
    "irreversible": Look("Can't be undone", "do_not_step", "red"),
    "problem": Look("Has a problem", "warning", "orange"),
    "by_model": Look("Written by a model, not accepted yet", "psychology", "blue"),
}

VERDICT: Final[dict[str, Look]] = {
    "accept": Look("Accepted", "check_circle", "green"),
    "reject": Look("Rejected", "gpp_maybe", "red", "hatched"),
    "retry": Look("Try again", "replay", "orange", "dashed"),
    "feedback": Look("Noted", "edit_note", "yellow"),
    "augment": Look("Added to", "add_circle", "blue"),
    "propose": Look("Would add", "add_circle", "yellow", "dashed"),
    "ask": Look("Waits for a person", "front_hand", "yellow", "dashed"),
    "none": Look("No verdict", "help", "orange", "dotted"),
}
"""What a validator said; `propose` is an addition that nobody has agreed to (yet)."""

_UNDECLARED: Final = Look("Not known here", "help", "gray", "dotted")
_ICONS: Final[dict[str, str]] = json.loads(
    (Path(__file__).parent.parent / "assets" / "icons.json").read_text(encoding="utf-8")
)


def step_look(status: str) -> Look:
    """Return how a step's (or compensation's) status is shown; an undeclared one shows its own name."""
    return STEP.get(status) or _named(status)


def run_look(status: str) -> Look:
    """Return how a run's status or flag is shown; an undeclared one shows its own name."""
    return RUN.get(status) or FLAG.get(status) or _named(status)


def kind_look(kind: str) -> Look:
    """Return how a step kind is shown; an undeclared one (a plug-in's) gets the tool icon and its name."""
    return KIND.get(kind) or Look(kind, "build", "gray")


def effect_look(effect: str) -> Look:
    """Return how an effect is shown."""
    return EFFECT.get(effect) or _named(effect)


def mark_look(mark: str) -> Look:
    """Return how a mark on a card is shown."""
    return MARK.get(mark) or _named(mark)


def verdict_look(verdict: str) -> Look:
    """Return how a validator's answer is shown."""
    return VERDICT.get(verdict) or _named(verdict)


def icon_path(icon: str) -> str:
    """Return a Material Symbols icon as an SVG path on a 24 x 24 grid.

    Raises:
        KeyError: the icon is not in `ui/assets/icons.json`; add its outline there.
    """
    return _ICONS[icon]


def _named(name: str) -> Look:
    word = name.replace("_", " ").strip().capitalize()
    return Look(word, _UNDECLARED.icon, _UNDECLARED.family, _UNDECLARED.pattern) if word else _UNDECLARED
