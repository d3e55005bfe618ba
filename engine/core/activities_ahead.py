"""What a timetable comes to as things stand: when each activity began and ended, or will. It decides nothing."""

from __future__ import annotations

import networkx as nx

from engine.core.activities import length
from engine.core.activities_next import earliest
from engine.core.activities_told import call_of, is_ahead
from engine.core.frames import digraph_of
from engine.core.run import Run


def forecast(run: Run) -> dict[str, tuple[float, float]]:
    """Return when each activity began and ended, or will, by all that is known by now; prerequisites first.

    Steps of other kinds take no time of the clock.
    """
    clock, found = run.clock, dict[str, tuple[float, float]]()
    assert clock is not None
    ends: dict[str, float] = {}
    graph, place = digraph_of(run), {name: index for index, name in enumerate(run.steps)}
    for name in nx.lexicographical_topological_sort(graph, key=place.__getitem__):
        ends[name] = max((ends[before] for before in graph.predecessors(name)), default=clock.moment)
        call, span = call_of(run, name), clock.spans.get(name)
        if call is not None and span is not None:
            found[name] = (span.began, span.until)
        elif call is not None and is_ahead(run, name):
            ready = run.steps[name].status == "ready"
            known = clock.known_from[name] if ready else max(ends[name], clock.moment)
            start = earliest(clock, call, known)
            found[name] = (start, start + length(clock, name, call, start))
        if name in found:
            ends[name] = found[name][1]
    return found
