"""A graph node drawn as an SVG image, for canvases that can only show pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from ui.models.layout import CARD_H, CARD_W
from ui.models.status import (
    SURFACES,
    TONES,
    Look,
    Theme,
    effect_look,
    icon_path,
    kind_look,
    mark_look,
    step_look,
)

if TYPE_CHECKING:
    from ui.models.graph import GraphNode

MARGIN_X: Final = 6.0  # room for the selection ring
MARGIN_Y: Final = 12.0  # room for the pivot's flag
SCALE: Final = 3  # drawn three times as large, so that zooming in stays crisp
_FONT: Final = "'Source Sans 3','Source Sans Pro','Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_NARROW: Final = frozenset("iIjlt.,:;'|!()[]f r-")
_WIDE: Final = frozenset("mwMW@%—…")


def card_uri(node: GraphNode, theme: Theme, *, selected: bool = False) -> str:
    """Return the node's card as a data URI of an SVG image."""
    return "data:image/svg+xml;charset=utf-8," + quote(card_svg(node, theme, selected=selected), safe="")


def card_svg(node: GraphNode, theme: Theme, *, selected: bool = False) -> str:
    """Return the node's card as SVG text; titles and subtitles are cut to fit and escaped."""
    width, height = CARD_W + 2 * MARGIN_X, CARD_H + 2 * MARGIN_Y
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * SCALE}" height="{height * SCALE}"',
        f' viewBox="{-MARGIN_X} {-MARGIN_Y} {width} {height}" font-family="{_FONT}">',
        *_frame(node, theme, selected=selected),
        *_words(node, theme),
        *_signs(node, theme),
        "</svg>",
    ]
    return "".join(parts)


def clip(text: str, width: float, size: float) -> str:
    """Return `text` cut with an ellipsis so that it is about `width` pixels at font size `size`."""
    left = width / size
    for i, char in enumerate(text):
        left -= 0.32 if char in _NARROW else 0.9 if char in _WIDE else 0.7 if char.isupper() else 0.585
        if left < 0:
            return text[: max(i - 1, 0)].rstrip() + "…"
    return text


def _look(node: GraphNode) -> Look:
    return kind_look("undo" if node.lane == "undo" else node.kind)


def _frame(node: GraphNode, theme: Theme, *, selected: bool) -> list[str]:
    surface, violet = SURFACES[theme], TONES[theme]["violet"]
    undo = node.lane == "undo"
    stroke = surface.accent if selected else violet.fill if undo else surface.border
    dash = ' stroke-dasharray="5 4"' if undo else ""
    shape = f'width="{CARD_W}" height="{CARD_H}" rx="11"'
    ring = (
        f'<rect x="-3" y="-3" width="{CARD_W + 6}" height="{CARD_H + 6}" rx="14" fill="none" '
        f'stroke="{surface.accent}" stroke-opacity=".28" stroke-width="4"/>'
    )
    stack = f'<rect x="5" y="5" {shape} fill="{surface.raised}" stroke="{stroke}"/>'
    return [
        ring if selected else "",
        stack if node.count > 1 else "",
        f'<rect {shape} fill="{surface.card}"/>',
        f'<rect {shape} fill="{violet.fill}" fill-opacity=".07"/>' if undo else "",
        f'<rect {shape} fill="none" stroke="{stroke}" stroke-width="{2 if selected else 1.4}"{dash}/>',
    ]


def _words(node: GraphNode, theme: Theme) -> list[str]:
    surface, kind = SURFACES[theme], _look(node)
    status = step_look(node.status) if node.status else None
    items = f", {node.count} steps" if node.count > 2 else ""
    second = status.word if status else f"{kind.word}{items}"
    colour = status.tone(theme).text if status else kind.tone(theme).text
    lines = [(node.title, 13.5, 600, surface.text), (second, 11.5, 500, colour)]
    if node.subtitle:
        lines.append((node.subtitle, 11.5, 400, surface.muted))
    first = 24 if len(lines) > 2 else 31
    return [
        f'<text x="50" y="{first + 17 * i}" font-size="{size}" font-weight="{weight}" fill="{fill}">'
        f"{escape(clip(text, CARD_W - 58, size))}</text>"
        for i, (text, size, weight, fill) in enumerate(lines)
    ]


def _signs(node: GraphNode, theme: Theme) -> list[str]:
    """Return the kind's tile, the status bar, the marks and the pivot's flag."""
    kind = _look(node)
    tone = kind.tone(theme)
    tile = f'<rect x="12" y="{CARD_H / 2 - 15}" width="30" height="30" rx="8.5" fill="{tone.fill}" fill-opacity=".16"/>'
    parts = [tile, _icon(kind.icon, 17, CARD_H / 2 - 10, 20, tone.text)]
    if node.status:
        bar = step_look(node.status).tone(theme).fill
        parts.append(f'<rect x="3.5" y="9" width="4" height="{CARD_H - 18}" rx="2" fill="{bar}"/>')
    for i, mark in enumerate(map(mark_look, node.marks)):
        x = CARD_W - 22 - 20 * i
        parts.append(f'<circle cx="{x + 8}" cy="0" r="10" fill="{SURFACES[theme].card}"/>')
        parts.append(_icon(mark.icon, x, -8, 16, mark.tone(theme).text))
    return parts + (_flag(theme) if node.effect == "pivot" and node.lane == "step" else [])


def _flag(theme: Theme) -> list[str]:
    surface, pivot = SURFACES[theme], effect_look("pivot")
    return [
        f'<rect x="{CARD_W - 4}" y="10" width="4" height="{CARD_H - 20}" rx="2" fill="{surface.text}"/>',
        f'<rect x="10" y="-9" width="124" height="18" rx="9" fill="{surface.text}"/>',
        _icon(pivot.icon, 16, -6, 12, surface.card),
        f'<text x="32" y="4" font-size="11" font-weight="600" fill="{surface.card}">{escape(pivot.word)}</text>',
    ]


def _icon(name: str, x: float, y: float, size: float, fill: str) -> str:
    return f'<path transform="translate({x} {y}) scale({size / 24:g})" fill="{fill}" d="{icon_path(name)}"/>'
