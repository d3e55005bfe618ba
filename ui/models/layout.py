"""Layered layout of a saga's graph, left to right: where each card goes and how long edges bend.

Longest-path layers, virtual points where an edge crosses a layer, barycentre sweeps for the order,
and isotonic regression for the heights, so chains stay straight. A compensation sits below its own
step. Pure and total: a draft with a cycle is drawn too, its backward edges left out of the layering.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CARD_W: Final = 178.0
CARD_H: Final = 70.0
UNDO_GAP: Final = 36.0  # from a step's card down to its compensation's
ROW_GAP: Final = 34.0
COLUMN_GAP: Final = 42.0
COLUMN_GAP_MAX: Final = 150.0
LABEL_CHAR_W: Final = 6.0
ROUTE_H: Final = 14.0  # what a passing edge takes of a layer's height
ROUTE_WEIGHT: Final = 0.001  # a passing edge makes way for cards
SWEEPS: Final = 4
ROUTES_PER_NODE: Final = 4  # beyond it, long edges go straight: a hairball is not worth the time


@dataclass(frozen=True)
class Point:
    """A place in pixels: the centre of a card, or a point that an edge passes. y grows downwards."""

    x: float
    y: float


@dataclass(frozen=True)
class Link:
    """An edge as the layout needs it; a longer label gets a wider gap between its columns."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True)
class Layout:
    """The centre of each card, and the points between source and target that long edges pass."""

    at: Mapping[str, Point]
    bends: Mapping[tuple[str, str], tuple[Point, ...]] = field(default_factory=dict)


@dataclass
class _Columns:
    """Layers while they are being ordered: each a list of ids, real or virtual, top to bottom."""

    rows: list[list[str]]
    before: dict[str, list[str]] = field(default_factory=dict)
    after: dict[str, list[str]] = field(default_factory=dict)
    chains: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def connect(self, source: str, target: str) -> None:
        self.after.setdefault(source, []).append(target)
        self.before.setdefault(target, []).append(source)


def layout(steps: Sequence[str], links: Iterable[Link] = (), undo: Mapping[str, str] | None = None) -> Layout:
    """Return where the cards of `steps` and of their compensations go.

    Args:
        steps: ids of the steps; their order breaks ties.
        links: dependencies between steps; those that name anything else are ignored.
        undo: compensation id -> id of the step it undoes.
    """
    known = dict.fromkeys(steps)
    kept = [link for link in links if link.source in known and link.target in known]
    layer = layers(list(known), [(link.source, link.target) for link in kept])
    columns = _columns(layer, kept)
    below = {step: comp for comp, step in (undo or {}).items() if step in known}
    for sweep in range(SWEEPS):
        _reorder(columns, forward=sweep % 2 == 0)
    ys = _heights(columns, below)
    xs = _column_xs(len(columns.rows), layer, kept)
    at = {step: Point(xs[layer[step]], ys[step]) for step in known}
    at |= {comp: Point(at[step].x, at[step].y + CARD_H + UNDO_GAP) for step, comp in below.items()}
    bends = {
        ends: tuple(Point(xs[layer[ends[0]] + i], ys[name]) for i, name in enumerate(chain, start=1))
        for ends, chain in columns.chains.items()
    }
    return Layout(at, bends)


def layers(steps: Sequence[str], pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return each step's layer: the length of the longest path that leads to it.

    A cycle is cut at its first step in the given order.
    """
    after: dict[str, list[str]] = {step: [] for step in steps}
    waits = dict.fromkeys(steps, 0)
    for source, target in pairs:
        if source != target:
            after[source].append(target)
            waits[target] += 1
    layer = dict.fromkeys(steps, 0)
    free = deque(step for step in steps if not waits[step])
    rest = iter(steps)
    placed: set[str] = set()
    while len(placed) < len(layer):
        step = free.popleft() if free else next(step for step in rest if step not in placed)
        if step in placed:
            continue
        placed.add(step)
        for target in after[step]:
            if target not in placed:
                layer[target] = max(layer[target], layer[step] + 1)
                waits[target] -= 1
                if not waits[target]:
                    free.append(target)
    return layer


def _columns(layer: Mapping[str, int], links: Sequence[Link]) -> _Columns:
    columns = _Columns([[] for _ in range(max(layer.values(), default=-1) + 1)])
    for step, depth in layer.items():
        columns.rows[depth].append(step)
    spans = {(k.source, k.target): layer[k.target] - layer[k.source] for k in links}
    bend = sum(max(span - 1, 0) for span in spans.values()) <= ROUTES_PER_NODE * len(layer)
    for (source, target), span in spans.items():
        if span < 1:
            continue
        chain = [f"\0{source}\0{target}\0{i}" for i in range(1, span)] if bend else []
        for i, name in enumerate(chain, start=1):
            columns.rows[layer[source] + i].append(name)
        for left, right in pairwise([source, *chain, target]):
            columns.connect(left, right)
        if chain:
            columns.chains[source, target] = chain
    return columns


def _reorder(columns: _Columns, *, forward: bool) -> None:
    """Sort each layer by the mean place of its neighbours in the layer before (or after) it."""
    neighbours = columns.before if forward else columns.after
    order = columns.rows if forward else columns.rows[::-1]
    for fixed, row in pairwise(order):
        place = {name: i / max(len(fixed), 1) for i, name in enumerate(fixed)}
        own = {name: i / max(len(row), 1) for i, name in enumerate(row)}
        row.sort(key=lambda name: _mean(neighbours.get(name, ()), place, own[name]))


def _mean(names: Iterable[str], place: Mapping[str, float], otherwise: float) -> float:
    known = [place[name] for name in names if name in place]
    return sum(known) / len(known) if known else otherwise


def _heights(columns: _Columns, below: Mapping[str, str]) -> dict[str, float]:
    """Return each id's y: in order, not overlapping, as near to its neighbours' mean as can be."""
    top = {name: ROUTE_H if name.startswith("\0") else CARD_H / 2 for row in columns.rows for name in row}
    bottom = {name: h + (UNDO_GAP + CARD_H if name in below else 0) for name, h in top.items()}
    ys: dict[str, float] = {}
    for row in columns.rows:
        packed = _spaced([0.0] * len(row), row, top, bottom)
        ys.update(zip(row, packed, strict=True))
    for forward in (True, False, True):
        rows = columns.rows if forward else columns.rows[::-1]
        for row in rows:
            wanted = [_wanted(name, columns, ys, forward=forward) for name in row]
            ys.update(zip(row, _spaced(wanted, row, top, bottom), strict=True))
    return ys


def _wanted(name: str, columns: _Columns, ys: Mapping[str, float], *, forward: bool) -> float:
    """Return the mean y of the neighbours already placed, or of the others where there are none.

    Cards line up with cards; an edge that merely passes must not pull a chain out of line.
    """
    first, second = (columns.before, columns.after) if forward else (columns.after, columns.before)
    names = first.get(name) or second.get(name) or [name]
    cards = [other for other in names if not other.startswith("\0")] or names
    return sum(ys[other] for other in cards) / len(cards)


def _spaced(
    wanted: Sequence[float], row: Sequence[str], top: Mapping[str, float], bottom: Mapping[str, float]
) -> list[float]:
    """Return the y nearest to `wanted` (least squares) that keep the order and the gaps: pool adjacent."""
    offsets = [0.0] * len(row)
    for i in range(1, len(row)):
        offsets[i] = offsets[i - 1] + bottom[row[i - 1]] + ROW_GAP + top[row[i]]
    pools: list[tuple[float, float, int]] = []  # (mean, weight, how many)
    for name, want, offset in zip(row, wanted, offsets, strict=True):
        pools.append((want - offset, ROUTE_WEIGHT if name.startswith("\0") else 1.0, 1))
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (high, v, n), (low, w, m) = pools[-2:]
            pools[-2:] = [((high * v + low * w) / (v + w), v + w, n + m)]
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [round(base + offset, 1) for base, offset in zip(flat, offsets, strict=True)]


def _column_xs(count: int, layer: Mapping[str, int], links: Iterable[Link]) -> list[float]:
    gaps = [COLUMN_GAP] * count
    for link in links:
        if layer[link.target] > (column := layer[link.source]) and link.label:
            room = 34 + LABEL_CHAR_W * len(link.label)
            gaps[column] = max(gaps[column], min(room, COLUMN_GAP_MAX))
    xs = [CARD_W / 2]
    for gap in gaps[: max(count - 1, 0)]:
        xs.append(round(xs[-1] + CARD_W + gap, 1))
    return xs
