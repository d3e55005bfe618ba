"""Which widget stands for a field: it lives as long as nothing else than itself changes what it shows.

Streamlit drops what it drew when the next click comes first, but remembers it as drawn; and a browser sends
with each click what it showed when that was made. So a field that must show something else gets a new
widget, born with that value, and only the widget drawn last may change the draft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import streamlit as st

from ui.components import design_state as state
from ui.models import draft as ops
from ui.models.draft import Path

Json = Any
_DRAWN: Final = "designer-drawn"
_NOTHING: Final = object()
_PART: Final = "~"  # between a field's name and what tells its widgets apart


@dataclass
class Drawn:
    """The widget of a field that was drawn last.

    Attributes:
        key: its key in the session state; no other widget ever has it.
        value: what it was born with. A widget gets it as its default, so it shows it however late it comes.
        known: what it held when it was looked at last.
        labels: the words under which it shows its value; with other words it is another widget.
        place: the body that was open.
        step: the step that was selected.
        is_edited: whether a person changed it; the browser has it, then.
    """

    key: str
    value: Json
    known: Json
    labels: tuple[str, ...]
    place: Path
    step: str | None
    is_edited: bool = False

    @property
    def is_there(self) -> bool:
        """Whether what it changes is what it was drawn for."""
        design = state.current()
        steps = ops.steps_of(design.document)
        return self.place == design.place and (self.step is None or self.step in steps)


@contextmanager
def field(
    name: str, value: Json, labels: tuple[str, ...] = (), *, is_clearable: bool = False
) -> Iterator[Drawn]:
    """Open the place of a field, and yield the widget that shows the value there.

    A widget that can be cleared has no default, or clearing would bring it back; its value is set instead,
    each time until a person changed it.
    """
    drawn = _of(name, value, labels)
    if is_clearable and value is not None and not drawn.is_edited:
        st.session_state[drawn.key] = drawn.value
    with st.container(key=name):
        yield drawn


def _of(name: str, value: Json, labels: tuple[str, ...]) -> Drawn:
    """Return the widget of a field, a new one unless the one there is shows this value already."""
    design, all_drawn = state.current(), _all()
    drawn = all_drawn.get(name)
    is_same = (
        drawn is not None and drawn.labels == labels and st.session_state.get(drawn.key, _NOTHING) == value
    )
    if drawn is None or not is_same:
        key = f"{name}{_PART}{uuid4().hex[:8]}"
        drawn = all_drawn[name] = Drawn(key, value, value, labels, design.place, design.selected)
    drawn.known, drawn.place, drawn.step = value, design.place, design.selected
    return drawn


def _all() -> dict[str, Drawn]:
    found: dict[str, Drawn] = st.session_state.setdefault(_DRAWN, {})
    return found


def edited(key: str, then: Callable[..., None], *args: Any) -> None:
    """Call `then` with what a person put into a widget, and the arguments.

    What an older widget of the field reports is nothing that a person did to this one, nor is what it held
    already; and what was meant for a step that is gone by now has no place to go.
    """
    drawn = _all().get(key.rpartition(_PART)[0])
    value = st.session_state.get(key)
    if drawn is None or drawn.key != key or value == drawn.known or not drawn.is_there:
        return
    drawn.known, drawn.is_edited = value, True
    then(value, *args)
