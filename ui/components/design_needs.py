"""What a step comes after: a list of steps and branches, or a condition as text."""

from __future__ import annotations

from typing import Final

import streamlit as st

from engine.core.condition import parse_condition
from engine.core.errors import ExpressionError
from ui.components import design_state as state
from ui.components.design_fields import bound, field_error, show_problems
from ui.models import draft as ops
from ui.models.draft_names import needs_list, needs_text
from ui.models.draft_problems import Finding, at

_HELP: Final = "`a && b`: both; `a || b`: either; `choose.go_on`: that branch; `!a`: a can't come any more"


def draw_needs(step: str, findings: list[Finding]) -> None:
    """Draw what the step comes after, as a choice of steps or as a condition."""
    needs = ops.steps_of(state.current().document)[step].get("needs")
    listed = needs_list(needs)
    as_text = f"designer-step-{step}-as-condition"
    if listed is None or st.session_state.get(as_text):
        _condition(step, needs_text(needs))
    else:
        _choice(step, listed)
    st.toggle("Write it as a condition", key=bound(as_text, listed is None or bool(st.session_state.get(as_text))),
              disabled=listed is None, help="For either-or and branches" if listed is not None else
              "A condition with or, not or parentheses can't be shown as a list")  # fmt: skip
    show_problems(at(findings, f"steps.{step}.needs"))


def term_label(document: ops.Document, term: str) -> str:
    """Return how a step or branch is called in lists: its title, with the id where titles repeat."""
    step, _, branch = term.partition(".")
    title = ops.step_title(document, step)
    titles = [ops.step_title(document, other) for other in ops.steps_of(document)]
    shown = f"{title} ({step})" if titles.count(title) > 1 else title
    return f"{shown}: {branch}" if branch else shown


def sources_for(document: ops.Document, step: str) -> list[str]:
    """Return what a step may come after without a circle: steps, and routes by their branches."""
    after = ops.downstream(document, step)
    free = [name for name in ops.steps_of(document) if name not in after]
    return [term for name in free for term in _terms(document, name)]


def _terms(document: ops.Document, step: str) -> list[str]:
    return [f"{step}.{branch}" for branch in ops.branches_of(document, step)] or [step]


def _choice(step: str, listed: list[str]) -> None:
    document, key = state.current().document, f"designer-step-{step}-needs"
    options = list(dict.fromkeys([*sources_for(document, step), *listed]))
    st.multiselect("Comes after", options, key=bound(key, listed), format_func=lambda t: term_label(document, t),
                   placeholder="Nothing: it starts at once", on_change=_set_list, args=(key, step))  # fmt: skip


def _set_list(key: str, step: str) -> None:
    state.apply(ops.put, ("steps", step, "needs"), list(st.session_state[key]) or ops.UNSET)


def _condition(step: str, text: str) -> None:
    key = f"designer-step-{step}-condition"
    shown, message = state.current().bad.get(key, (text, ""))
    st.text_input(
        "Starts when", key=bound(key, shown), help=_HELP, on_change=_set_condition, args=(key, step)
    )
    if message:
        field_error(message)


def _set_condition(key: str, step: str) -> None:
    design, text = state.current(), str(st.session_state[key]).strip()
    try:
        if text:
            parse_condition(text)
    except ExpressionError as problem:
        design.bad[key] = (text, str(problem))
        return
    design.bad.pop(key, None)
    state.apply(ops.put, ("steps", step, "needs"), needs_list(text) or text or ops.UNSET)
