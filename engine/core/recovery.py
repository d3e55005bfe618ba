"""Going back: which direction after a fault, the compensation plan, and what an undo would do (R15-R18)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import networkx as nx

from engine.core.errors import ExpressionError
from engine.core.events import DirectionAsked, DirectionChosen, Event, HelpNeeded, UndoPlanned
from engine.core.expressions import compile_expression
from engine.core.frames import digraph_of, ids_within
from engine.core.graph import undo_after
from engine.core.run import UNDONE, Run, StepState
from engine.core.saga import effect_of, undo_of, with_document
from engine.core.schedule import undo_needs_output
from engine.core.scope import output_scope
from engine.core.templates import render

Json = Any
REPAIRABLE = frozenset(
    {
        "rejected",
        "exhausted",
        "validator",
        "invariant",
        "expression",
        "locks",
        "disruption",
    }
)
"""Faults that a step can be blamed for, and that may go better next time: not those, where a person said no."""


def choose_direction(run: Run) -> list[Event]:
    """Return where to go after the drain: forward past a pivot, else what the saga's policy says (R15)."""
    if run.pivot_passed():
        return forward(run, "the point of no return is passed")
    if run.saga.recovery == "ask":
        return [DirectionAsked()]
    if run.saga.recovery == "repair" and run.fault is not None and run.fault.source in REPAIRABLE:
        culprits = culprits_of(run)
        if not culprits or run.repairs >= run.saga.max_repairs:
            return [DirectionAsked()]
        return [repair(run, culprits, f"the saga's policy: repair what '{run.fault.source}' touches")]
    return [back(run, "the saga's policy: undo everything")]


def forward(run: Run, reason: str, by: str = "") -> list[Event]:
    """Return the events of a forward recovery; what failed needs a person."""
    stuck = [step for step in run.steps.values() if step.status == "failed"]
    asks = [HelpNeeded(step=s.id, kind="stuck_after_pivot", reason=s.reason) for s in stuck]
    return [DirectionChosen(direction="forward", reason=reason, by=by), *asks]


def back(run: Run, reason: str, by: str = "") -> DirectionChosen:
    """Return the event that freezes the compensation plan (R16)."""
    return DirectionChosen(direction="undo", reason=reason, plan=undo_plan(run), by=by)


def culprits_of(run: Run) -> tuple[str, ...]:
    """Return the steps that no longer count: those that failed, those that are stale, and the one at fault."""
    named = run.fault.step if run.fault is not None else None
    return tuple(
        name
        for name, step in run.steps.items()
        if step.status == "failed" or name in run.stale or name == named
    )


def repair(
    run: Run, culprits: Collection[str], reason: str, by: str = "", *, replan: bool = False
) -> DirectionChosen:
    """Return the event that freezes a partial rollback and names what is done anew (R16, R26)."""
    because = affected_paths(run, culprits)
    return DirectionChosen(
        direction="repair", reason=reason, plan=undo_plan(run, among=because), culprits=tuple(culprits),
        affected=tuple(because), replan=replan, by=by,
    )  # fmt: skip


def affected_paths(run: Run, culprits: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the affected steps in the run's own order, each with the shortest path from a culprit to it.

    A composite step that no longer counts takes all with it that is inside it. On what is gone nothing depends.
    """
    graph = digraph_of(run)
    inside = {inner: name for name in culprits for inner in ids_within(run, name)}
    sources = {name for name in (*culprits, *inside) if name in graph}
    found = nx.multi_source_dijkstra_path(graph, sources) if sources else {}
    paths = {name: tuple(found[name]) for name in run.steps if name in found}
    return {name: (inside[p[0]], *p) if p[0] in inside else p for name, p in paths.items()}


def undo_plan(run: Run, among: Collection[str] | None = None) -> tuple[UndoPlanned, ...]:
    """Return the steps that may have landed, in reverse order of their start, with what goes before each (R17).

    `among` restricts it to some steps (R16, R26).
    """
    chosen = run.steps.values() if among is None else (run.steps[name] for name in among)
    touched = [step for step in chosen if _is_to_undo(step)]
    touched.sort(key=lambda step: step.begun, reverse=True)
    position = {name: place for place, name in enumerate(run.steps)}
    after = undo_after(digraph_of(run), position, [step.id for step in touched])
    return tuple(UndoPlanned(step=step.id, after=after[step.id], why=_why(step)) for step in touched)


def _is_to_undo(step: StepState) -> bool:
    return step.maybe_landed and step.status not in UNDONE and not _is_pivot(step)


def _is_pivot(step: StepState) -> bool:
    return effect_of(step.definition) == "pivot"


def _why(step: StepState) -> str:
    if step.gone:
        return "its target says that it is gone already"
    if step.status == "committed":
        return "it is done"
    if step.unresolved and not step.landed:
        return "nobody knows whether it landed"
    return "its effect landed, its output did not count"


def undo_request(step: StepState) -> Json:
    """Return the frozen compensation's request, completed from the step's output where it needs it (R18).

    Raises:
        ExpressionError: if the output lacks what the compensation asks for.
    """
    if step.edited_undo is not None:
        return step.edited_undo
    if step.by_hand and not undo_needs_output(step) and not _engine_landed(step):
        raise ExpressionError("it was done by hand, so it must be undone by hand")
    return frozen_request(step, step.told)


def frozen_request(step: StepState, output: Json) -> Json:
    """Return the request of the undo that the first intent froze, completed from an output of the step.

    Raises:
        ExpressionError: if nothing was frozen, or the output lacks what the compensation asks for.
    """
    undo, frozen = undo_of(step.definition), step.frozen
    assert undo is not None
    if frozen is None:
        raise ExpressionError("it was done by hand, so it must be undone by hand")
    if frozen.scope is None:
        return frozen.request
    return render(with_document(undo), {**frozen.scope, "output": output})


def _engine_landed(step: StepState) -> bool:
    return any(attempt.maybe_landed for attempt in step.attempts)


@dataclass(frozen=True, slots=True)
class UndoLine:
    """One line of a rollback preview.

    Attributes:
        after: the steps that are undone before this one.
        what: the request that would be sent, as far as it is known.
        cost_usd: what undoing it costs, or None where nobody said.
        obstacle: why it can't be undone by the engine; empty where it can.
    """

    step: str
    why: str
    after: tuple[str, ...]
    what: Json
    cost_usd: float | None
    obstacle: str


def preview(run: Run, plan: Collection[UndoPlanned] | None = None) -> list[UndoLine]:
    """Return what going back now would undo, in order; changes nothing. `plan` is another one that could be chosen."""
    entries = plan if plan is not None else run.plan.values() if run.direction == "undo" else undo_plan(run)
    lines = {entry.step: _line(run, entry) for entry in entries}
    return _unwind_order(lines)


def turns(entries: Collection[UndoPlanned | UndoLine]) -> list[list[str]]:
    """Return the steps by the turns in which they can be undone: those of one turn wait for none of each other."""
    place = {entry.step: index for index, entry in enumerate(entries)}
    return [sorted(names, key=place.__getitem__) for names in nx.topological_generations(_waits(entries))]


def _unwind_order(lines: dict[str, UndoLine]) -> list[UndoLine]:
    """Return the lines so that each comes behind what must go first; else in the plan's own order."""
    place = {name: index for index, name in enumerate(lines)}
    graph = _waits(lines.values())
    return [lines[name] for name in nx.lexicographical_topological_sort(graph, key=place.__getitem__)]


def _waits(entries: Collection[UndoPlanned | UndoLine]) -> nx.DiGraph[str]:
    """Return which undo goes before which."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(entry.step for entry in entries)
    graph.add_edges_from((other, entry.step) for entry in entries for other in entry.after)
    return graph


def _line(run: Run, entry: UndoPlanned) -> UndoLine:
    step = run.steps[entry.step]
    undo = undo_of(step.definition)
    if undo is None:
        obstacle = "" if step.gone else step.definition.compensate_reason or "it has no undo"
        return UndoLine(entry.step, entry.why, entry.after, None, None, obstacle)
    what: Json = None
    obstacle = ""
    if step.unresolved and not step.landed and undo_needs_output(step):
        obstacle = "" if step.definition.probe else "its outcome is unknown and the undo needs its output"
    else:
        try:
            what = undo_request(step)
        except ExpressionError as error:
            obstacle = str(error)
    return UndoLine(entry.step, entry.why, entry.after, what, _cost(run, step), obstacle)


def _cost(run: Run, step: StepState) -> float | None:
    undo = undo_of(step.definition)
    if undo is None or undo.cost_usd is None:
        return None
    try:
        value = compile_expression(undo.cost_usd).evaluate(output_scope(run, step))
    except ExpressionError:
        return None
    return float(value) if isinstance(value, int | float) else None


def left_behind(run: Run) -> tuple[str, ...]:
    """Return the steps whose effect may still be out there."""
    gone = {"compensated", "empty"}
    return tuple(s.id for s in run.steps.values() if s.late or (s.maybe_landed and s.status not in gone))
