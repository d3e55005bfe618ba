"""The drawing of a timetable as a plain Plotly figure dict: past solid, ahead outlined, what changed marked."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from engine.core.moments import write_time
from ui.models.gantt import Bar, BarKind, Gantt
from ui.models.status import SURFACES, TONES, Family, Theme
from ui.models.timeline_axes import CLEAR, FONT, ROW_PX, TOP_PX

WORDS: Final[dict[BarKind, str]] = {
    "past": "Past", "under_way": "Under way", "longer": "Longer than planned", "ahead": "Ahead", "changed": "Changed by the new plan",
}  # fmt: skip
FAMILIES: Final[dict[BarKind, Family]] = {
    "past": "green", "under_way": "blue", "longer": "orange", "ahead": "gray", "changed": "violet",
}  # fmt: skip
OUTLINED: Final = frozenset({"ahead", "changed"})
STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440)
MOST_TICKS: Final = 14
LEAST_SHARE: Final = 0.006


def gantt_figure(found: Gantt, theme: Theme) -> dict[str, Any]:
    """Return the chart as `{"data": [...], "layout": {...}}`; always the same traces in the same order."""
    places = {lane.name: place for place, lane in enumerate(found.lanes)}
    first, last = _span(found)
    data = [_trace(kind, found, places, (first, last), theme) for kind in WORDS]
    return {"data": data, "layout": _layout(found, (first, last), theme)}


def _span(found: Gantt) -> tuple[float, float]:
    moments = [moment for bar in found.bars for moment in (bar.start, bar.end)]
    moments += [found.now] if found.now is not None else []
    if not moments:
        return 0.0, 60.0
    pad = max(1.0, (max(moments) - min(moments)) * 0.02)
    return min(moments) - pad, max(moments) + pad


def _trace(
    kind: BarKind, found: Gantt, places: dict[str, int], span: tuple[float, float], theme: Theme
) -> dict[str, Any]:
    mine = [bar for bar in found.bars if bar.kind == kind]
    tone, least = TONES[theme][FAMILIES[kind]].fill, (span[1] - span[0]) * LEAST_SHARE
    outlined, changed = kind in OUTLINED, TONES[theme][FAMILIES["changed"]].fill
    return {
        "type": "bar", "orientation": "h", "name": WORDS[kind], "uid": kind, "showlegend": bool(mine),
        "y": [places[bar.lane] for bar in mine],
        "base": [bar.start for bar in mine],
        "x": [max(bar.end - bar.start, least) for bar in mine],
        "width": 0.62,
        "text": [_label(bar, span) for bar in mine], "textposition": "inside", "insidetextanchor": "middle",
        "textangle": 0, "constraintext": "none",
        "textfont": {"size": 11, "color": SURFACES[theme].text if outlined else SURFACES[theme].page},
        "customdata": [[escape(bar.title, quote=False), escape(bar.detail, quote=False), WORDS[kind]] for bar in mine],
        "hovertemplate": "<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
        "marker": {
            "color": CLEAR if outlined else tone,
            "cornerradius": 3,
            "line": {
                "width": [2.4 if bar.changed and not outlined else 1.6 if outlined else 1 for bar in mine],
                "color": [changed if bar.changed else tone if outlined else SURFACES[theme].page for bar in mine],
            },
            "pattern": {"shape": "/" if kind == "longer" else "", "size": 6, "solidity": 0.25, "bgcolor": tone,
                        "fgcolor": SURFACES[theme].page} if not outlined else {"shape": ""},
        },
    }  # fmt: skip


def _label(bar: Bar, span: tuple[float, float]) -> str:
    text = bar.title.partition(": ")[2] or bar.title
    share = (bar.end - bar.start) / (span[1] - span[0])
    return escape(text, quote=False) if bar.kind != "longer" and share > len(text) * 0.009 else ""


def _layout(found: Gantt, span: tuple[float, float], theme: Theme) -> dict[str, Any]:
    surface, rows = SURFACES[theme], max(len(found.lanes), 1)
    return {
        "barmode": "overlay", "bargap": 0, "height": rows * ROW_PX + TOP_PX + 58,
        "margin": {"l": 8, "r": 18, "t": TOP_PX, "b": 36, "pad": 6},
        "font": {"family": FONT, "size": 13, "color": surface.text},
        "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, "hovermode": "closest", "dragmode": "pan", "uirevision": "gantt",
        "hoverlabel": {"bgcolor": surface.card, "bordercolor": surface.border, "font": {"family": FONT, "size": 13, "color": surface.text}, "align": "left"},
        "modebar": {"bgcolor": CLEAR, "color": surface.muted, "activecolor": surface.accent},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "yref": "paper", "bgcolor": CLEAR, "font": {"size": 12}},
        "xaxis": {"range": list(span), "showgrid": True, "gridcolor": surface.border, "zeroline": False, "side": "bottom", **_ticks(found, span)},
        "yaxis": {
            "tickvals": list(range(rows)), "ticktext": [escape(lane.name, quote=False) for lane in found.lanes], "range": [rows + (0.1 if found.changes else -0.4), -0.6],
            "showgrid": False, "zeroline": False, "fixedrange": True, "automargin": True,
        },
        "shapes": [*_sections(found, theme), *_lines(found, theme)],
        "annotations": _words(found, theme),
    }  # fmt: skip


def _ticks(found: Gantt, span: tuple[float, float]) -> dict[str, Any]:
    step = next((one for one in STEPS if (span[1] - span[0]) / one <= MOST_TICKS), STEPS[-1])
    start = int(span[0] // step + 1) * step
    values = list(range(start, int(span[1]) + 1, step))
    return {
        "tickvals": values,
        "ticktext": [str(write_time(value, clock=found.has_clock)) for value in values],
    }


def _sections(found: Gantt, theme: Theme) -> list[dict[str, Any]]:
    """Return a line between people, things and cooking."""
    at = [
        place - 0.5
        for place, (one, before) in enumerate(zip(found.lanes[1:], found.lanes, strict=False), start=1)
        if one.section != before.section
    ]
    return [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": place, "y1": place, "line": {"width": 1, "color": SURFACES[theme].border}}
        for place in at
    ]  # fmt: skip


def _lines(found: Gantt, theme: Theme) -> list[dict[str, Any]]:
    lines = [
        {"type": "line", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": {"width": 1.5, "dash": "dot", "color": TONES[theme]["orange"].fill}}
        for at, _ in found.changes
    ]  # fmt: skip
    if found.now is not None:
        lines.append(
            {"type": "line", "yref": "paper", "x0": found.now, "x1": found.now, "y0": 0, "y1": 1, "line": {"width": 2, "color": TONES[theme]["blue"].fill}}
        )  # fmt: skip
    return lines


def _words(found: Gantt, theme: Theme) -> list[dict[str, Any]]:
    words = [
        {"x": at, "y": len(found.lanes) - 0.2, "yanchor": "middle", "xanchor": "left", "text": "⚡ " + escape(text[:48], quote=False), "showarrow": False,
         "font": {"size": 11, "color": TONES[theme]["orange"].text}, "bgcolor": SURFACES[theme].page, "opacity": 0.9}
        for at, text in found.changes
    ]  # fmt: skip
    if found.now is not None:
        words.append(
            {"x": found.now, "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": "left", "text": str(write_time(round(found.now), clock=found.has_clock)),
             "showarrow": False, "font": {"size": 12, "color": TONES[theme]["blue"].text}}
        )  # fmt: skip
    return words
