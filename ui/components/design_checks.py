"""The forms of validators, wherever they stand, and of a step's fallbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Literal

import streamlit as st

from engine.steps.python import FUNCTIONS
from ui.components import design_state as state
from ui.components.design_drawn import edited, field
from ui.components.design_fields import form, show_problems
from ui.components.text import escape
from ui.models import check_forms as forms
from ui.models import draft as ops
from ui.models import draft_checks as checks
from ui.models.design_forms import CHECK_FIELDS, FieldSpec, Path
from ui.models.draft_problems import Finding, at

Json = Any
Place = Literal["step", "edge", "saga"]
_OPENED: Final = "designer-check-opened"
_FALLBACKS: Final = {"llm": "Another prompt or model", "value": "A value"}


def draw_validate(step: str, body: ops.Document, findings: list[Finding]) -> None:
    """Draw the Validate form of a step: its validators, its fallbacks, what the answer must be."""
    base, prefix = ("steps", step), f"designer-step-{step}"
    if body.get("kind") in checks.UNCHECKED and "validate" not in body:
        st.info(
            "There is no answer to check here. Let the step that follows have validators.",
            icon=":material/info:",
        )
        form(CHECK_FIELDS[1:], base, prefix, findings)
        return
    st.caption(
        "Who checks the answer before it counts. A rejected answer is never used by later steps."
        " What is checked between two steps stands on their edge: see Edges below the canvas."
    )
    draw_validators((*base, "validate"), f"{prefix}-validate", findings, "step")
    with st.expander("Schema and writes", key=f"{prefix}-schema", icon=":material/data_object:"):
        form(CHECK_FIELDS, base, prefix, findings)
    if body.get("effect", "readonly") == "readonly" and body.get("kind") in {
        "llm",
        "python",
        "http",
        "route",
    }:
        _fallbacks(step, ("value",) if body.get("kind") == "route" else tuple(_FALLBACKS), findings)


def draw_validators(
    path: Path,
    prefix: str,
    findings: list[Finding],
    place: Place,
    add: Callable[[ops.Document, str], ops.Document] | None = None,
) -> None:
    """Draw the validators at a path, each as a form of its kind, and the way to add one.

    `add` says how one is added, where that is more than an entry more at the path.
    """
    for index, body in enumerate(checks.validators_at(state.current().document, path)):
        _validator(body, (*path, index), f"{prefix}-{index}", findings, place)
    with st.container(gap="small", key=f"{prefix}-new"):
        key = f"{prefix}-kind"
        st.selectbox("Add a check", forms.kinds_for(place), key=key, format_func=_kind_line)
        st.button("Add", key=f"{prefix}-add", icon=":material/add:", on_click=_add, args=(path, key, add))


def _kind_line(kind: str) -> str:
    words = forms.KINDS[kind]
    return f"{words.word}: {words.line}"


def _add(path: Path, key: str, add: Callable[[ops.Document, str], ops.Document] | None) -> None:
    document, kind = state.current().document, str(st.session_state[key])
    changed = add(document, kind) if add else checks.add_validator(document, path, kind)
    state.change(changed)
    st.session_state[_OPENED] = ops.dotted((*path, len(checks.validators_at(changed, path)) - 1))


def _validator(body: Json, path: Path, prefix: str, findings: list[Finding], place: Place) -> None:
    kind = str(body.get("kind", "rule")) if isinstance(body, dict) else ""
    mine = at(findings, ops.dotted(path))
    words = forms.KINDS.get(kind)
    if words is None or not isinstance(body, dict):
        st.caption("A check that this form can't show; see the source.")
        show_problems(mine)
        return
    on_fail = forms.ON_FAIL.get(str(body.get("on_fail", "reject")), ("?", ""))[0]
    trouble = " · :red[:material/error: to mend]" if any(f.is_error for f in mine) else ""
    label = f"**{escape(str(body.get('name', '?')))}** · {words.word} · {on_fail.lower()}{trouble}"
    opened = bool(mine) or st.session_state.get(_OPENED) == ops.dotted(path)
    with st.expander(label, key=f"{prefix}-box", icon=f":material/{words.icon}:", expanded=opened):
        st.caption(f"{words.word}: {words.line}.")
        form(forms.NAME_FIELDS, path, prefix, findings)
        if place == "saga":
            form((forms.STEPS_FIELD,), path, prefix, findings)
        form([_filled(spec, body) for spec in forms.KIND_FIELDS[kind]], path, prefix, findings)
        _on_fail(body, path, prefix, findings)
        if kind == "judge":
            st.markdown("**What the judge sees**")
            form(forms.JUDGE_CONTEXT_FIELDS, path, prefix, findings)
        show_problems([f for f in mine if f.problem.path == ops.dotted(path)])
        st.button("Remove", key=f"{prefix}-remove", icon=":material/delete:", type="tertiary",
                  on_click=state.remove_entry, args=(path[:-1], path[-1]))  # fmt: skip


def _filled(spec: FieldSpec, body: ops.Document) -> FieldSpec:
    if spec.path != ("with", "function"):
        return spec
    named = ops.get(body, spec.path)
    options = [*FUNCTIONS.names, *([str(named)] if named and named not in FUNCTIONS.names else [])]
    return replace(spec, widget="choice", options=tuple(options))


def _on_fail(body: ops.Document, path: Path, prefix: str, findings: list[Finding]) -> None:
    """Draw what follows when it finds something, one line each; `together` only rejects or notes."""
    names = ["reject", "feedback"] if body.get("kind") == "together" else list(forms.ON_FAIL)
    value = str(body.get("on_fail", "reject"))
    shown = value if value in names else None
    with field(f"{prefix}-on_fail", shown) as own:
        st.radio(
            "When it finds something", names, None if shown is None else names.index(shown), key=own.key,
            format_func=lambda name: forms.ON_FAIL[name][0], captions=[forms.ON_FAIL[name][1] for name in names],
            on_change=edited, args=(own.key, _set_on_fail, path),
        )  # fmt: skip
    show_problems(at(findings, ops.dotted((*path, "on_fail"))))
    if value == "augment":
        form(forms.ADD_FIELDS.get(str(body.get("kind")), (forms.ADD_FIELD,)), path, prefix, findings)


def _set_on_fail(chosen: str | None, path: Path) -> None:
    state.apply(ops.put, (*path, "on_fail"), ops.UNSET if chosen in {None, "reject"} else chosen)


def _fallbacks(step: str, kinds: tuple[str, ...], findings: list[Finding]) -> None:
    path, prefix = ("steps", step, "fallback"), f"designer-step-{step}-fallback"
    st.markdown("**If it would fail all the same**")
    st.caption("Tried in this order after the last try; the step then shows as completed with fallback.")
    for index, body in enumerate(checks.validators_at(state.current().document, path)):
        kind = str(body.get("kind")) if isinstance(body, dict) else ""
        with st.container(border=True, gap="small", key=f"{prefix}-{index}"):
            st.caption(f"{index + 1}. {_FALLBACKS.get(kind, 'See the source')}")
            form(forms.FALLBACK_FIELDS.get(kind, ()), (*path, index), f"{prefix}-{index}", findings)
            st.button("Remove", key=f"{prefix}-{index}-remove", icon=":material/delete:", type="tertiary",
                      on_click=state.remove_entry, args=(path, index))  # fmt: skip
    show_problems([f for f in findings if f.problem.path == ops.dotted(path)])
    with st.container(horizontal=True, gap="small"):
        for kind in kinds:
            st.button(_FALLBACKS[kind], key=f"{prefix}-add-{kind}", icon=":material/add:", on_click=state.apply,
                      args=(checks.add_fallback, step, kind))  # fmt: skip


def draw_edge(source: str, target: str, findings: list[Finding]) -> None:
    """Draw the validators of an edge: what is checked about a hand-over before the producer's output counts."""
    document = state.current().document
    names = [escape(ops.step_title(document, step)) for step in (source, target)]
    st.subheader(f":material/conversion_path: {names[0]} → {names[1]}", anchor=False)
    st.caption(
        "Checked before the output of the first counts, for the sake of the second. A schema here is the"
        " contract of what is handed over."
    )
    index = checks.edge_index(document, source, target)
    path: Path = ("edges", len(checks.edges_of(document)) if index is None else index, "validate")
    draw_validators(
        path, f"designer-edge-{source}-{target}", findings, "edge",
        lambda draft, kind: checks.add_edge_validator(draft, source, target, kind),
    )  # fmt: skip
    if index is not None:
        show_problems([f for f in findings if f.problem.path in {f"edges[{index}]", f"edges[{index}].to", f"edges[{index}].from"}])  # fmt: skip
