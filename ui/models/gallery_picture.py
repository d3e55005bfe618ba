"""A small still picture of a saga, as SVG text: a tile per step, its title below, arrows between.

Colours of the theme; violet marks what can be undone. Every text is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from engine.core.saga import Saga, Step, effect_of, undo_of
from ui.models.cards import clip
from ui.models.layout import CARD_H, ROW_GAP, Layout, Link, Point, layout
from ui.models.status import SURFACES, TONES, Theme, effect_look, icon_path, kind_look

COLUMN_W: Final = 104.0
ROW_H: Final = 92.0
TILE: Final = 44.0
MAX_STEPS: Final = 60
_FONT: Final = "'Source Sans 3','Source Sans Pro','Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_SIZE: Final = 11.5


@dataclass(frozen=True)
class Picture:
    """An SVG and its size in pixels."""

    svg: str
    width: int
    height: int


def picture(saga: Saga, theme: Theme) -> Picture | None:
    """Return the picture of a saga's steps, or None for one too large to be read that small."""
    if len(saga.steps) > MAX_STEPS:
        return None
    links = [
        Link(other, name) for name in saga.steps for other in saga.graph.needs[name] if other in saga.steps
    ]
    places = layout(list(saga.steps), links)
    grid = _grid(places)
    at = {name: grid.point(place) for name, place in places.at.items()}
    bends = {ends: [grid.point(p) for p in passed] for ends, passed in places.bends.items()}
    width = max(point.x for point in at.values()) + COLUMN_W / 2 + 2
    lowest = max([*(p.y + TILE / 2 + 34 for p in at.values()), *(p.y + 6 for b in bends.values() for p in b)])
    height = lowest + 2
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FONT}">',
        *(_arrow(at, link, bends.get((link.source, link.target), []), theme) for link in links),
        *(_tile(name, step, at[name], theme) for name, step in saga.steps.items()),
        "</svg>",
    ]
    return Picture("".join(parts), round(width), round(height))


@dataclass(frozen=True)
class _Grid:
    """How the layout's places become the picture's: columns side by side, rows closer together."""

    columns: Mapping[float, float]
    top: float

    def point(self, place: Point) -> Point:
        y = (place.y - self.top) * ROW_H / (CARD_H + ROW_GAP) + TILE / 2 + 12
        return Point(self.columns[place.x], y)


def _grid(places: Layout) -> _Grid:
    xs = sorted({point.x for point in places.at.values()})
    passed = [point.y for bends in places.bends.values() for point in bends]
    columns = {x: COLUMN_W / 2 + 2 + COLUMN_W * i for i, x in enumerate(xs)}
    return _Grid(columns, min([*(point.y for point in places.at.values()), *passed]))


def _arrow(at: Mapping[str, Point], link: Link, bends: list[Point], theme: Theme) -> str:
    tone = TONES[theme]["gray"].fill
    source, target = at[link.source], at[link.target]
    x, y = source.x + TILE / 2 + 3, source.y
    path = f"M{x:.1f} {y:.1f}"
    lane = [Point(p.x + side * (TILE / 2 + 6), p.y) for p in bends for side in (-1, 1)]
    for point in [*lane, Point(target.x - TILE / 2 - 8, target.y)]:
        middle = (x + point.x) / 2
        path += f"C{middle:.1f} {y:.1f} {middle:.1f} {point.y:.1f} {point.x:.1f} {point.y:.1f}"
        x, y = point.x, point.y
    tip = f"M{x + 6:.1f} {y:.1f}l-7 -4v8z"
    return f'<path d="{path}" fill="none" stroke="{tone}" stroke-width="1.4"/><path d="{tip}" fill="{tone}"/>'


def _tile(name: str, step: Step, at: Point, theme: Theme) -> str:
    surface, kind = SURFACES[theme], kind_look(step.kind)
    tone, half = kind.tone(theme), TILE / 2
    frame = (
        f'<rect x="{at.x - half}" y="{at.y - half}" width="{TILE}" height="{TILE}" rx="12" '
        f'fill="{surface.card}" stroke="{surface.border}" stroke-width="1.4"/>'
        f'<rect x="{at.x - half}" y="{at.y - half}" width="{TILE}" height="{TILE}" rx="12" '
        f'fill="{tone.fill}" fill-opacity=".12"/>'
    )
    icon = _icon(kind.icon, at.x - 12, at.y - 12, 24, tone.text)
    return f"<g>{frame}{icon}{_sign(step, at, theme)}{_title(step.name or name, at, theme)}</g>"


def _sign(step: Step, at: Point, theme: Theme) -> str:
    """Return the mark at the tile's corner: a violet arrow for an undo, a lock for a pivot, a person for a gate."""
    signs = []
    if undo_of(step) is not None:
        signs.append((effect_look("compensatable").icon, TONES[theme]["violet"].fill))
    if effect_of(step) == "pivot":
        signs.append((effect_look("pivot").icon, SURFACES[theme].text))
    if step.approval is not None:
        signs.append(("person", TONES[theme]["yellow"].text))
    drawn = []
    for i, (icon, colour) in enumerate(signs):
        x, y = at.x + (TILE / 2 if i == 0 else -TILE / 2), at.y - TILE / 2
        drawn.append(f'<circle cx="{x}" cy="{y}" r="9.5" fill="{colour}"/>')
        drawn.append(_icon(icon, x - 6.5, y - 6.5, 13, SURFACES[theme].card))
    return "".join(drawn)


def _title(title: str, at: Point, theme: Theme) -> str:
    lines = two_lines(title, COLUMN_W - 8)
    first = at.y + TILE / 2 + 16
    return "".join(
        f'<text x="{at.x}" y="{first + 14 * i}" text-anchor="middle" font-size="{_SIZE}" '
        f'fill="{SURFACES[theme].text}">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )


def two_lines(text: str, width: float) -> list[str]:
    """Return a title on at most two lines about `width` pixels wide, cut where it is longer."""
    words, first = text.split(), ""
    while words:
        longer = f"{first} {words[0]}".strip()
        if first and clip(longer, width, _SIZE) != longer:
            break
        first = longer
        words.pop(0)
    lines = [clip(first, width, _SIZE)] if first else []
    return [*lines, clip(" ".join(words), width, _SIZE)] if words else lines


def _icon(name: str, x: float, y: float, size: float, fill: str) -> str:
    return f'<path transform="translate({x:.1f} {y:.1f}) scale({size / 24:g})" fill="{fill}" d="{icon_path(name)}"/>'
