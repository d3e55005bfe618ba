"""What a model wrote, in the Designer: marks to accept, part by part or all at once, and the trial of undos."""

from __future__ import annotations

import streamlit as st

from engine.core.document import saga_from_document
from engine.core.errors import DefinitionInvalid
from engine.planning.words.trial import marked
from engine.rehearsal.trial import tried
from ui.components import design_state as state
from ui.components.text import escape
from ui.models.draft_marks import Mark, accept, marks, marks_of, tried_word
from ui.models.run_words import counted


def header_marks() -> None:
    """Draw how many parts a model wrote that nobody accepted yet, with the button that accepts all."""
    found = marks(state.current().whole)
    if not found:
        return
    words = f"{len(found)} part{'s' * (len(found) > 1)} by a model"
    with st.popover(words, icon=":material/psychology:", key="designer-marks", type="tertiary"):
        st.text(f"{found[0].by} wrote them. Look at each step, or take all of it over as yours.")
        st.button("Accept all", key="designer-accept-all", icon=":material/done_all:", on_click=_accept_all,
                  args=(found,))  # fmt: skip
        if any(mark.part == "undo" for mark in found):
            st.button("Try the undos", key="designer-try-undos", icon=":material/science:", on_click=_try,
                      help="On a practice world of its own: done, undone, and looked whether anything is left")  # fmt: skip


def draw_marks(step: str | None) -> None:
    """Draw the marks of the selected step, or of the saga itself, each with the button that accepts it."""
    design = state.current()
    found = marks_of(design.document, step)
    if not found:
        return
    prefix = f"designer-marks-{step or 'saga'}"
    with st.container(border=True, gap="small", key=prefix):
        st.caption(f":material/psychology: Written by {escape(found[0].by)}, and not accepted yet")
        with st.container(horizontal=True, gap="small"):
            for mark in found:
                st.button(mark.word, key=f"{prefix}-{mark.part}", icon=":material/check:", on_click=_accept,
                          args=([mark],), help="Accept this part as yours")  # fmt: skip
        if step is not None and any(mark.part == "undo" for mark in found):
            _tried(step)


def _tried(step: str) -> None:
    design = state.current()
    try:
        saga = saga_from_document(design.document)
    except DefinitionInvalid:
        saga = None
    said = tried_word(design.document, saga, step)
    if said:
        st.caption(f":green[:material/science:] {escape(said)}")
    else:
        st.caption(":orange[:material/science:] Its undo was not tried yet, so it does not count")


def _accept(found: list[Mark]) -> None:
    state.change(accept(state.current().document, found))


def _accept_all(found: list[Mark]) -> None:
    state.change_whole(accept(state.current().whole, found))


def _try() -> None:
    """Try the undos of the draft, whatever body is drawn."""
    design = state.current()
    try:
        saga = saga_from_document(design.whole)
        trial = tried(saga)
    except DefinitionInvalid as invalid:
        design.said = f"Not tried: {invalid.problems[0].path}: {invalid.problems[0].problem}"
        return
    state.change_whole(marked(design.whole, saga, trial))
    failed = [name for name, undo in trial.undos.items() if not undo.worked]
    design.said = trial.why_not or (
        f"Not undone: {', '.join(failed)}"
        if failed
        else f"{counted(len(trial.undos), 'undo')} tried, and nothing was left"
        if trial.undos
        else "There is no undo to try"
    )
