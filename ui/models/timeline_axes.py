"""Axes, grid, now-line and divider of the timeline: the part of the figure that has no data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ui.models.status import SURFACES, TONES, Surface, Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

FONT: Final = '"Source Sans", "Segoe UI", Helvetica, Arial, sans-serif'
CLEAR: Final = "rgba(0,0,0,0)"
ROW_PX: Final = 34
TOP_PX: Final = 76  # the toolbar, and below it a legend of two lines
BOTTOM_PX: Final = 44  # the times
FRAME_PX: Final = TOP_PX + BOTTOM_PX + 16
UNDO_WORDS: Final = "Going back: compensations, in the order they ran"
_SECOND_MS: Final = 1_000
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000


def layout(
    titles: Sequence[str],
    places: Sequence[float],
    *,
    divider: float | None,
    span: tuple[float, float],
    now: float | None,
    theme: Theme,
) -> dict[str, Any]:
    """Return the Plotly layout.

    Args:
        titles: the rows' titles, ready for Plotly (escaped).
        places: each row's y; y grows downwards.
        divider: y of the line between the forward lane and the undo lane, None without one.
        span: first and last moment, epoch ms.
        now: the now-line's moment, epoch ms; None for a finished run.
        theme: whose colours.
    """
    surface = SURFACES[theme]
    height = max(places, default=0) + 1
    return {
        "barmode": "overlay",
        "bargap": 0,
        "height": round(height * ROW_PX + FRAME_PX),
        "margin": {"l": 8, "r": 18, "t": TOP_PX, "b": BOTTOM_PX, "pad": 6},
        "font": {"family": FONT, "size": 13, "color": surface.text},
        **dict.fromkeys(("paper_bgcolor", "plot_bgcolor"), CLEAR),
        "hovermode": "closest",
        "hoverlabel": _hover_label(surface),
        "dragmode": "pan",
        "uirevision": "timeline",
        "modebar": {"bgcolor": CLEAR, "color": surface.muted, "activecolor": surface.accent},
        "legend": _legend(surface),
        "xaxis": _time_axis(span, surface, live=now is not None),
        "yaxis": _row_axis(titles, places, height, surface),
        "shapes": _lines(divider, now, theme),
        "annotations": _words(divider, now, span, theme),
    }


def _hover_label(surface: Surface) -> dict[str, Any]:
    return {
        "bgcolor": surface.card,
        "bordercolor": surface.border,
        "font": {"family": FONT, "size": 13, "color": surface.text},
        "align": "left",
    }


def _legend(surface: Surface) -> dict[str, Any]:
    return {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": 1,
        "yanchor": "bottom",
        "yref": "paper",
        "font": {"size": 12, "color": surface.muted},
        "bgcolor": CLEAR,
        "tracegroupgap": 0,
        "itemsizing": "constant",
    }


def _time_axis(span: tuple[float, float], surface: Surface, *, live: bool) -> dict[str, Any]:
    start, end = span
    length = end - start
    return {
        "type": "date",
        "range": [start - length * 0.012, end + length * (0.05 if live else 0.015)],
        "showgrid": True,
        "gridcolor": surface.grid,
        "zeroline": False,
        "nticks": 9,
        "ticks": "",
        "tickfont": {"size": 12, "color": surface.muted},
        "tickformatstops": [
            {"dtickrange": [None, _SECOND_MS - 1], "value": "%H:%M:%S.%3f"},
            {"dtickrange": [_SECOND_MS, _MINUTE_MS - 1], "value": "%H:%M:%S"},
            {"dtickrange": [_MINUTE_MS, _DAY_MS - 1], "value": "%H:%M\n%d %b"},
            {"dtickrange": [_DAY_MS, None], "value": "%d %b\n%Y"},
        ],
    }


def _row_axis(
    titles: Sequence[str], places: Sequence[float], height: float, surface: Surface
) -> dict[str, Any]:
    return {
        "tickmode": "array",
        "tickvals": list(places),
        "ticktext": list(titles),
        "range": [height - 0.4, -0.7],
        "fixedrange": True,
        "showgrid": True,
        "gridcolor": surface.grid,
        "zeroline": False,
        "automargin": True,
        "tickfont": {"size": 13, "color": surface.text},
    }


def _lines(divider: float | None, now: float | None, theme: Theme) -> list[dict[str, Any]]:
    across = {"type": "line", "xref": "paper", "x0": 0, "x1": 1}
    down = {"type": "line", "yref": "paper", "y0": 0, "y1": 1}
    violet, surface = TONES[theme]["violet"], SURFACES[theme]
    lines: list[dict[str, Any]] = []
    if divider is not None:
        stroke = {"color": violet.fill, "width": 1, "dash": "dash"}
        lines.append({**across, "y0": divider, "y1": divider, "line": stroke, "layer": "below"})
    if now is not None:
        stroke = {"color": surface.accent, "width": 1.6, "dash": "dot"}
        lines.append({**down, "x0": now, "x1": now, "line": stroke})
    return lines


def _words(
    divider: float | None, now: float | None, span: tuple[float, float], theme: Theme
) -> list[dict[str, Any]]:
    violet, surface = TONES[theme]["violet"], SURFACES[theme]
    day = datetime.fromtimestamp(span[0] / 1000, UTC).strftime("%d %b %Y, UTC")
    words = [_word(day, surface.muted, {"x": 1, "xanchor": "right", "y": 0, "yanchor": "top", "yshift": -24})]
    words[0] |= {"xref": "paper", "yref": "paper"}
    if divider is not None:
        place = {"x": 0, "xanchor": "left", "y": divider, "yanchor": "top", "yshift": -1, "xref": "paper"}
        words.append(_word(UNDO_WORDS, violet.text, place))
    if now is not None:
        place = {"x": now, "xanchor": "left", "xshift": 3, "y": 1, "yanchor": "top", "yref": "paper"}
        words.append(_word("now", surface.accent, place))
    return words


def _word(text: str, colour: str, place: dict[str, Any]) -> dict[str, Any]:
    return {"text": text, "showarrow": False, "font": {"size": 12, "color": colour}, **place}
