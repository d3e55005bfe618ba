"""A run's timeline as data, and its drawing as a plain Plotly figure dict (all times UTC).

Rows are numbers with tick texts, so that marks can sit above bars. There is one trace per kind, always
all of them and in the same order: Plotly then updates a live chart in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final, Literal

from ui.models import timeline_axes
from ui.models.run_places import APART
from ui.models.status import SURFACES, TONES, Family, Theme

SegmentKind = Literal[
    "backoff", "waiting", "locks", "approval", "attempt_ok", "attempt_failed", "attempt_unknown",
    "sent_back", "running", "inside", "check", "check_lost", "undo", "undo_failed", "undo_running",
]  # fmt: skip
MarkKind = Literal[
    "validation_ok", "validation_caught", "validation_reject", "validation_none", "augmented", "fallback",
    "disruption", "fault", "late", "approved", "denied",
]  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the chart: a step (forward) or a compensation (undo)."""

    id: str
    title: str
    lane: Literal["forward", "undo"] = "forward"


@dataclass(frozen=True)
class Segment:
    """A stretch of time in a row; `end` None means until now. `label` stands in the bar where it fits."""

    row: str
    kind: SegmentKind
    start: datetime
    end: datetime | None = None
    label: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Mark:
    """Something that happened at one moment in a row."""

    row: str
    at: datetime
    kind: MarkKind
    detail: str = ""


@dataclass(frozen=True)
class Timeline:
    """What a run did, and when. `now` draws the now-line; None once the run has ended."""

    rows: tuple[Row, ...] = ()
    segments: tuple[Segment, ...] = ()
    marks: tuple[Mark, ...] = ()
    now: datetime | None = None


@dataclass(frozen=True)
class _Bar:
    word: str
    family: Family
    width: float = 0.56
    pattern: str = ""
    opacity: float = 1.0
    solidity: float = 0.3


@dataclass(frozen=True)
class _Sign:
    word: str
    family: Family
    symbol: str
    side: float = -0.38


BARS: Final[dict[SegmentKind, _Bar]] = {
    "backoff": _Bar("Waiting to retry", "gray", 0.14, opacity=0.55),
    "waiting": _Bar("Waiting for a time or a signal", "yellow", 0.2, opacity=0.6),
    "locks": _Bar("Waiting for a lock", "yellow", 0.2, pattern="|", opacity=0.75),
    "approval": _Bar("Waiting for a person", "yellow", 0.4),
    "attempt_ok": _Bar("Done", "green"),
    "attempt_failed": _Bar("Failed", "red", pattern="x", solidity=0.1),
    "attempt_unknown": _Bar("Outcome unknown", "orange", pattern=".", solidity=0.14),
    "sent_back": _Bar("Sent back by a validator", "orange", pattern="-", solidity=0.14),
    "running": _Bar("Running", "blue"),
    "inside": _Bar("Steps inside", "blue", 0.3, opacity=0.35),
    "check": _Bar("Asking a validator", "blue", 0.16, opacity=0.8),
    "check_lost": _Bar("Validator did not answer", "orange", 0.16, pattern="."),
    "undo": _Bar("Undone", "violet", pattern="/", solidity=0.22),
    "undo_failed": _Bar("Undo failed", "red", pattern="/", solidity=0.22),
    "undo_running": _Bar("Undoing", "violet", pattern="/", opacity=0.6, solidity=0.22),
}
SIGNS: Final[dict[MarkKind, _Sign]] = {
    "validation_ok": _Sign("Passed validation", "green", "circle"),
    "validation_caught": _Sign("A validator found something", "orange", "diamond-tall"),
    "validation_reject": _Sign("Rejected by a validator", "red", "x"),
    "validation_none": _Sign("No verdict", "orange", "circle-x-open"),
    "augmented": _Sign("Added to by a validator", "blue", "cross", side=0.38),
    "fallback": _Sign("Fallback taken", "green", "triangle-down-open", side=0.38),
    "disruption": _Sign("Disruption", "orange", "diamond"),
    "fault": _Sign("Fault", "red", "triangle-down"),
    "late": _Sign("Landed after it had been given up", "orange", "hourglass"),
    "approved": _Sign("Approved", "green", "star"),
    "denied": _Sign("Denied", "red", "square-x"),
}
LANE_GAP: Final = 0.9  # rows between the forward lane and the undo lane: room for the divider's words
MIN_SHARE: Final = 0.004  # of the whole time: what an instant is drawn as
CHAR_SHARE: Final = 0.007  # of the chart's width: one character in a bar
TITLE_CHARS: Final = 30
_MIN_SPAN_MS: Final = 8.0


def figure(timeline: Timeline, theme: Theme) -> dict[str, Any]:
    """Return the chart as `{"data": [...], "layout": {...}}` for `Plotly.react`."""
    rows = ordered_rows(timeline)
    places = _places(rows)
    titles = {row.id: row.title for row in rows}
    data = [_bars(kind, timeline, places, titles, theme) for kind in BARS]
    data += [_signs(kind, timeline, places, titles, theme) for kind in SIGNS]
    return {"data": data, "layout": _axes(timeline, rows, places, theme)}


def ordered_rows(timeline: Timeline) -> list[Row]:
    """Return the rows top to bottom: steps as given, then compensations in the order they started."""
    first: dict[str, datetime] = {}
    for segment in timeline.segments:
        first[segment.row] = min(first.get(segment.row, segment.start), segment.start)
    undo = [row for row in timeline.rows if row.lane == "undo"]
    late = datetime.max.replace(tzinfo=UTC)
    undo.sort(key=lambda row: _utc(first.get(row.id, late)))
    return [row for row in timeline.rows if row.lane == "forward"] + undo


def span_ms(timeline: Timeline) -> tuple[float, float]:
    """Return the first and the last moment shown, epoch ms; never an empty span."""
    moments = [_ms(s.start) for s in timeline.segments] + [_ms(m.at) for m in timeline.marks]
    moments += [_ms(s.end) for s in timeline.segments if s.end]
    if timeline.now:
        moments.append(_ms(timeline.now))
    if not moments:
        return 0.0, _MIN_SPAN_MS
    return min(moments), max(*moments, min(moments) + _MIN_SPAN_MS)


def duration_words(span: timedelta) -> str:
    """Return a duration as people say it: "12 ms", "3.4 s", "4 m 12 s", "2 h 05 m", "3 d 4 h"."""
    seconds = span.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if not hours:
        return f"{minutes} m {int(seconds % 60):02} s"
    return f"{hours} h {minutes % 60:02} m" if not days else f"{days} d {hours % 24} h"


def _axes(timeline: Timeline, rows: list[Row], places: dict[str, float], theme: Theme) -> dict[str, Any]:
    first_undo = next((places[row.id] for row in rows if row.lane == "undo"), None)
    return timeline_axes.layout(
        [_said(_apart(row.title), TITLE_CHARS) for row in rows],
        [places[row.id] for row in rows],
        divider=first_undo - 0.5 - LANE_GAP if first_undo else None,
        span=span_ms(timeline),
        now=_ms(timeline.now) if timeline.now else None,
        theme=theme,
    )


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _ms(moment: datetime) -> float:
    return round(_utc(moment).timestamp() * 1000, 3)


def _places(rows: list[Row]) -> dict[str, float]:
    steps = sum(row.lane == "forward" for row in rows)
    gap = LANE_GAP if steps else 0
    return {row.id: i + (gap if row.lane == "undo" else 0) for i, row in enumerate(rows)}


def _apart(title: str) -> str:
    """Return a title that fits: of where a step stands, the end tells the rows apart."""
    parts = title.split(APART)
    for left_out in range(len(parts)):
        fitting = APART.join(["↳ …", *parts[left_out:]] if left_out else parts)
        if len(fitting) <= TITLE_CHARS:
            return fitting
    return f"↳ {parts[-1]}" if len(parts) > 1 else title


def _said(text: str, limit: int = 160) -> str:
    """Return text for Plotly, which reads a little HTML and, in templates, %{...}."""
    flat = " ".join(text.split())
    return escape(flat if len(flat) <= limit else flat[: limit - 1] + "…", quote=False)


def _bars(
    kind: SegmentKind, timeline: Timeline, places: dict[str, float], titles: dict[str, str], theme: Theme
) -> dict[str, Any]:
    look, surface = BARS[kind], SURFACES[theme]
    start, end = span_ms(timeline)
    least = (end - start) * MIN_SHARE
    mine = [s for s in timeline.segments if s.kind == kind and s.row in places]
    widths = [max(_ms(s.end) if s.end else end, _ms(s.start)) - _ms(s.start) for s in mine]
    return {
        "type": "bar",
        "orientation": "h",
        "name": look.word,
        "uid": kind,
        "legendgroup": kind,
        "showlegend": bool(mine),
        "y": [places[s.row] for s in mine],
        "base": [_ms(s.start) for s in mine],
        "x": [max(width, least) for width in widths],
        "width": look.width,
        "text": [_fitting(s.label, width / (end - start)) for s, width in zip(mine, widths, strict=True)],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"size": 11, "color": "#ffffff" if theme == "light" else surface.page},
        "customdata": [_hover(s, titles[s.row], end) for s in mine],
        "hovertemplate": "<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
        "marker": _bar_marker(look, theme),
    }


def _bar_marker(look: _Bar, theme: Theme) -> dict[str, Any]:
    fill, page = TONES[theme][look.family].fill, SURFACES[theme].page
    pattern = {"shape": look.pattern, "size": 7, "solidity": look.solidity, "bgcolor": fill, "fgcolor": page}
    return {
        "color": fill,
        "opacity": look.opacity,
        "cornerradius": 4,
        "line": {"width": 1, "color": page},
        "pattern": pattern,
    }


def _fitting(label: str, share: float) -> str:
    """Return the label for inside a bar that takes `share` of the width, "" where it would not fit."""
    text = _said(label, 24)
    return text if share > (len(text) + 1) * CHAR_SHARE else ""


def _hover(segment: Segment, title: str, end: float) -> list[str]:
    took = timedelta(milliseconds=max((_ms(segment.end) if segment.end else end) - _ms(segment.start), 0))
    still = "" if segment.end else " so far"
    head = " · ".join(part for part in (BARS[segment.kind].word, segment.label) if part)
    when = f"{_clock(segment.start)} UTC, {duration_words(took)}{still}"
    detail = f"<br>{_said(segment.detail)}" if segment.detail else ""
    return [_said(title, 60), _said(head, 80), when + detail]


def _clock(moment: datetime) -> str:
    return _utc(moment).strftime("%d %b %H:%M:%S.%f")[:-3]


def _signs(
    kind: MarkKind, timeline: Timeline, places: dict[str, float], titles: dict[str, str], theme: Theme
) -> dict[str, Any]:
    look = SIGNS[kind]
    mine = [m for m in timeline.marks if m.kind == kind and m.row in places]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": look.word,
        "uid": kind,
        "legendgroup": kind,
        "showlegend": bool(mine),
        "x": [_ms(m.at) for m in mine],
        "y": [places[m.row] + look.side for m in mine],
        "cliponaxis": False,
        "customdata": [
            [
                _said(titles[m.row], 60),
                look.word,
                f"{_clock(m.at)} UTC{f'<br>{_said(m.detail)}' if m.detail else ''}",
            ]
            for m in mine
        ],
        "hovertemplate": "<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
        "marker": {
            "symbol": look.symbol,
            "size": 10,
            "color": TONES[theme][look.family].fill,
            "line": {"width": 1.2, "color": SURFACES[theme].page},
        },
    }
