"""What a step comes after: a list of steps and branches, or a condition as text."""

from __future__ import annotations

from typing import Final

import streamlit as st

from engine.core.condition import parse_condition
from engine.core.errors import ExpressionError
from ui.components import design_state as state
from ui.components.design_drawn import edited, field
from ui.components.design_fields import show_problems, unread_note
from ui.components.text import plain
from ui.models import draft as ops
from ui.models.draft_names import needs_list, needs_text
from ui.models.draft_needs import EDGE_WORDS, ENDED, Picked, ended, in_words, picked, with_end, written
from ui.models.draft_problems import Finding, at

_HELP: Final = (
    "`a && b`: both; `a || b`: either; `2 of (a, b, c)`: two of them; `choose.go_on`: that branch;"
    " `a.failed`, `a.timed_out`, `a.skipped`: how else it ended; `!a`: a can't come any more"
)


def draw_needs(step: str, findings: list[Finding]) -> None:
    """Draw what the step comes after, as a choice of steps or as a condition."""
    needs = ops.steps_of(state.current().document)[step].get("needs")
    choice = picked(needs)
    is_text = choice is None or step in state.current().conditions
    if choice is None or is_text:
        _condition(step, needs_text(needs))
    else:
        _choice(step, choice)
    with field(f"designer-step-{step}-as-condition", is_text) as own:
        st.toggle("Write it as a condition", own.value, key=own.key, disabled=choice is None,
                  help="For what the list can't say: and, or and not in one" if choice is not None else
                  "A condition with not or parentheses can't be shown as a list",
                  on_change=edited, args=(own.key, _write_as, step))  # fmt: skip
    show_problems(at(findings, f"steps.{step}.needs"))


def _write_as(is_text: bool, step: str) -> None:
    conditions = state.current().conditions
    if is_text:
        conditions.add(step)
    else:
        conditions.discard(step)


def term_label(document: ops.Document, term: str) -> str:
    """Return how a step or branch is called in lists: its title, with the id where titles repeat."""
    step, _, end = term.partition(".")
    title = ops.step_title(document, step)
    titles = [ops.step_title(document, other) for other in ops.steps_of(document)]
    shown = f"{title} ({step})" if titles.count(title) > 1 else title
    return f"{shown}: {EDGE_WORDS.get(end, end)}" if end else shown


def sources_for(document: ops.Document, step: str) -> list[str]:
    """Return what a step may come after without a circle: steps, and routes by their branches."""
    after = ops.downstream(document, step)
    free = [name for name in ops.steps_of(document) if name not in after]
    return [term for name in free for term in _terms(document, name)]


def _terms(document: ops.Document, step: str) -> list[str]:
    return [f"{step}.{branch}" for branch in ops.branches_of(document, step)] or [step]


def _choice(step: str, choice: Picked) -> None:
    document, prefix = state.current().document, f"designer-step-{step}"
    chosen = {
        term.partition(".")[0]
        for term in choice.terms
        if not ops.branches_of(document, term.partition(".")[0])
    }
    free = [term for term in sources_for(document, step) if term not in chosen]
    options = list(dict.fromkeys([*free, *choice.terms]))
    labels = tuple(term_label(document, term) for term in choice.terms)  # the browser tells terms by them
    with field(f"{prefix}-needs", list(choice.terms), labels) as own:
        st.multiselect("Comes after", options, own.value, key=own.key, format_func=lambda t: term_label(document, t),
                       placeholder="Nothing: it starts at once", on_change=edited,
                       args=(own.key, _set_list, step, choice, options))  # fmt: skip
    if len(choice.terms) > 1:
        _enough(step, choice)
    with st.container(gap="xsmall", key=f"{prefix}-ends"):
        for term in choice.terms:
            _end(document, step, choice, term)


def _enough(step: str, choice: Picked) -> None:
    whole = len(choice.terms)

    def word(number: int) -> str:
        return (
            "All of them" if not number else "Any one of them" if number == 1 else f"{number} of the {whole}"
        )

    shown = choice.enough if choice.enough < whole else 0
    with field(f"designer-step-{step}-enough", shown, (word(shown),)) as own:
        st.selectbox("How many are enough", range(whole), shown, key=own.key, format_func=word,
                     on_change=edited, args=(own.key, _set_enough, step, choice))  # fmt: skip


def _end(document: ops.Document, step: str, choice: Picked, term: str) -> None:
    """Draw how one step must have ended; a route's branches are among the answers."""
    source = term.partition(".")[0]
    if source not in ops.steps_of(document):
        return
    ends = list(dict.fromkeys([*ops.branches_of(document, source), *ENDED, ended(term)]))
    left, right = st.columns([1.3, 1], vertical_alignment="center")
    with left:
        plain(f"when {ops.step_title(document, source)}")
    with right, field(f"designer-step-{step}-end-{term}", ended(term)) as own:
        st.selectbox("How it ended", ends, ends.index(own.value), key=own.key, format_func=in_words, label_visibility="collapsed",
                     on_change=edited, args=(own.key, _set_end, step, choice, term, ends))  # fmt: skip


def _write(step: str, choice: Picked) -> None:
    state.apply(ops.put, ("steps", step, "needs"), written(choice) or ops.UNSET)


def _set_list(chosen: list[str], step: str, choice: Picked, options: list[str]) -> None:
    """Take what was chosen; words that are no option are labels that the browser did not see change."""
    if set(chosen) <= set(options):
        _write(step, Picked(tuple(chosen), choice.enough))


def _set_enough(number: int | str, step: str, choice: Picked) -> None:
    if isinstance(number, int):
        _write(step, Picked(choice.terms, number))


def _set_end(end: str, step: str, choice: Picked, term: str, ends: list[str]) -> None:
    if end in ends:
        _write(step, with_end(choice, term, end))


def _condition(step: str, text: str) -> None:
    name, path = f"designer-step-{step}-condition", ("steps", step, "needs")
    typed = state.unread_at(path)
    with field(name, typed.shown if typed else text) as own:
        args = (own.key, _set_condition, step)
        st.text_input("Starts when", own.value, key=own.key, help=_HELP, on_change=edited, args=args)
    unread_note(name, path, typed)


def _set_condition(typed: str, step: str) -> None:
    text, path = typed.strip(), ("steps", step, "needs")
    try:
        if text:
            parse_condition(text)
    except ExpressionError as problem:
        state.keep_unread(path, text, str(problem))
        return
    state.take(path, ops.put, path, needs_list(text) or text or ops.UNSET)
