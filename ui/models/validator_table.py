"""How validators did over time: numbers, a table, and one of them day by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from engine.ports import ValidatorDay, ValidatorStats
from ui.models.check_forms import KINDS
from ui.models.run_numbers import Number
from ui.models.run_verdicts import CALLED, TIERS
from ui.models.run_words import ago, money
from ui.models.status import SURFACES, TONES, Family, Theme
from ui.models.timeline import duration_words
from ui.models.timeline_axes import CLEAR, FONT

PERIODS: Final[dict[str, timedelta | None]] = {
    "7 days": timedelta(days=6),
    "30 days": timedelta(days=29),
    "All": None,
}
"""How far back is looked: whole days in UTC, today included."""
LONGEST: Final = 120
"""How many days are drawn one by one."""
MEASURED_S: Final = 0.01
"""Below that a latency is not told in numbers: what is measured then is this machine's mood."""
_BARS: Final[dict[str, tuple[str, Family, str]]] = {
    "ran": ("Ran", "blue", ""),
    "caught": ("Caught something", "red", "x"),
    "overruled": ("Overruled by a person", "yellow", "/"),
}


def since(period: str, now: datetime) -> datetime | None:
    """Return from when on a period looks, or None for all there is."""
    span = PERIODS[period]
    return None if span is None else now - span


def chosen(stats: Sequence[ValidatorStats], checks: Sequence[str]) -> list[ValidatorStats]:
    """Return the validators that are about one of `checks` (all without any); who caught most is first."""
    found = [each for each in stats if not checks or each.check in checks]
    return sorted(found, key=lambda each: (-each.caught, -each.no_verdict, -each.ran, each.validator))


def numbers(stats: Sequence[ValidatorStats]) -> tuple[Number, ...]:
    """Return what all of them come to."""
    ran = sum(each.ran for each in stats)
    caught, silent = sum(each.caught for each in stats), sum(each.no_verdict for each in stats)
    overruled = sum(each.overruled for each in stats)
    return (
        Number("Validators", str(len(stats)), "that have run"),
        Number("Ran", f"{ran:,}", "outputs looked at"),
        Number("Caught", f"{caught:,}", share(caught, ran)),
        Number("No verdict", f"{silent:,}", "never an accept" if silent else "all answered"),
        Number("Overruled", f"{overruled:,}", f"{share(overruled, caught)} of what was caught"),
        Number("Cost", money(sum(each.cost_usd for each in stats)), "for judges"),
    )


def share(part: int, whole: int) -> str:
    """Return a part of a whole in per cent; "none" of nothing."""
    return f"{100 * part / whole:.0f} %" if whole else "none"


def table(stats: Sequence[ValidatorStats], titles: dict[str, str], now: datetime) -> dict[str, list[Any]]:
    """Return validators as the columns of a table; `titles` are those of the sagas by name."""
    return {
        "Validator": [each.validator for each in stats],
        "Saga": [titles.get(each.saga, each.saga) for each in stats],
        "Step": [f"{each.step} → {each.edge}" if each.edge else each.step for each in stats],
        "Kind": [kind_word(each.kind) for each in stats],
        "About": [each.check or "not said" for each in stats],
        "Looks at": [TIERS.get(each.tier, each.tier) for each in stats],
        "Ran": [each.ran for each in stats],
        "Caught": [each.caught for each in stats],
        "Share": [round(100 * each.caught / each.ran) if each.ran else 0 for each in stats],
        "No verdict": [each.no_verdict for each in stats],
        "Overruled": [each.overruled for each in stats],
        "Cost": [money(each.cost_usd) if each.cost_usd else "" for each in stats],
        "Latency": [latency(each) for each in stats],
        "Last": [ago(each.last_at, now) for each in stats],
    }


def kind_word(kind: str) -> str:
    """Return what people call a kind of validator."""
    return KINDS[kind].word if kind in KINDS else kind


def latency(stats: ValidatorStats) -> str:
    """Return how long a validator takes: "in code" where nothing is called."""
    if stats.kind not in CALLED:
        return "in code"
    mean, worst = _seconds(stats.mean_latency_s), _seconds(stats.worst_latency_s)
    return mean if mean == worst else f"{mean}, up to {worst}"


def _seconds(seconds: float) -> str:
    return "under 10 ms" if seconds < MEASURED_S else duration_words(timedelta(seconds=seconds))


def _without_gaps(days: Sequence[ValidatorDay]) -> dict[date, ValidatorDay | None]:
    """Return the days from the first to the last; those without a verdict, too, unless that is a long time."""
    known: dict[date, ValidatorDay | None] = {day.day: day for day in days}
    if not known:
        return known
    first, last = min(known), max(known)
    span = (last - first).days
    if span > LONGEST:
        return known
    every = (first + timedelta(days=number) for number in range(span + 1))
    return {day: known.get(day) for day in every}


def days_figure(days: Sequence[ValidatorDay], theme: Theme) -> dict[str, Any]:
    """Return one validator's days as a Plotly figure: how often it ran, caught something, was overruled."""
    surface, known = SURFACES[theme], _without_gaps(days)
    font = {"family": FONT, "size": 13, "color": surface.text}
    there = [name for name in _BARS if name == "ran" or any(getattr(day, name) for day in days)]
    bars = [
        {
            "type": "bar",
            "name": word,
            "x": [f"{day:%d %b %Y}" for day in known],
            "y": [getattr(known[day], name, 0) for day in known],
            "marker": {
                "color": TONES[theme][family].fill,
                "pattern": {
                    "shape": pattern,
                    "bgcolor": TONES[theme][family].fill,
                    "fgcolor": surface.page,
                    "size": 7,
                    "solidity": 0.2,
                },
            },
            "hovertemplate": f"%{{x}}<br>{word}: %{{y}}<extra></extra>",
        }
        for name, (word, family, pattern) in ((name, _BARS[name]) for name in there)
    ]
    grid = {"gridcolor": surface.grid, "zeroline": False, "tickfont": {"size": 12, "color": surface.muted}}
    layout = {
        "barmode": "group", "height": 280, "margin": {"l": 8, "r": 8, "t": 56, "b": 8}, "font": font,
        "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, "dragmode": False,
        "modebar": {"bgcolor": CLEAR, "color": surface.muted, "activecolor": surface.accent},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "bgcolor": CLEAR},
        "bargap": 0.7 if len(known) < 4 else 0.2,
        "xaxis": {"type": "category", "nticks": 8, "automargin": True, **grid},
        "yaxis": {"rangemode": "tozero", "tickformat": ",d", "automargin": True, **grid},
    }  # fmt: skip
    return {"data": bars, "layout": layout}
