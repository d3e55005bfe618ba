"""The events of a draft: who emits and who hears them, as far as one can tell where it is broken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from engine.core.choreography import Emission
from engine.core.step import StepBase
from ui.models.design_forms import FieldSpec, fields_of
from ui.models.draft import Document, steps_of
from ui.models.draft_names import terms
from ui.models.graph import GraphEdge

Json = Any
HEAR_FIELDS: Final = fields_of(StepBase, "on")
FAIL_FIELDS: Final = fields_of(StepBase, "emits_on_failure")
EMIT_FIELDS: Final[tuple[FieldSpec, ...]] = tuple(
    replace(field, label="Event") if field.path == ("event",) else field for field in fields_of(Emission)
)


def emitted(step: Json) -> list[str]:
    """Return the events that a step of a draft can cause."""
    if not isinstance(step, dict):
        return []
    listed = step.get("emits")
    listed = [listed] if isinstance(listed, str | dict) else listed if isinstance(listed, list) else []
    named = [each.get("event") if isinstance(each, dict) else each for each in listed]
    names = [*named, step.get("emits_on_failure")]
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def heard(step: Json) -> list[str]:
    """Return the events that a step of a draft hears."""
    return [name for name, _ in terms(step.get("on"))] if isinstance(step, dict) else []


def event_edges(document: Document, target: str) -> list[GraphEdge]:
    """Return the arrows of the events that a step hears, from each step that can cause them."""
    steps = steps_of(document)
    wanted = heard(steps[target])
    return [
        GraphEdge(f"{source}.{event}>{target}", source, target, event, "event")
        for source, step in steps.items()
        for event in emitted(step)
        if event in wanted and source != target
    ]


def events_in(document: Document) -> list[str]:
    """Return every event that a draft's steps emit, in their order."""
    return list(dict.fromkeys(event for step in steps_of(document).values() for event in emitted(step)))


def new_event(document: Document) -> str:
    """Return a free name for a new event."""
    number, known = 1, set(events_in(document))
    while f"event_{number}" in known:
        number += 1
    return f"event_{number}"
