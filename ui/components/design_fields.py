"""Form fields bound to the draft: what is shown is the draft, what is typed changes it.

The draft is the only source: before a field is drawn its value is set from the draft, so undo, another
selection or new source text need no other keys. A text that can't be read stays, with what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import streamlit as st

from ui.components import design_state as state
from ui.components.text import escape
from ui.models import draft as ops
from ui.models.design_forms import PAIRED, FieldSpec, Path, from_widget, to_widget
from ui.models.draft_problems import Finding, at

Json = Any
_WORDS: Final = {
    "compensate": "Undo all that landed",
    "ask": "Ask a person first",
    "deny": "No",
    "approve": "Yes",
    "fault": "The run goes back",
    "continue": "Later steps decide",
    "reject": "Reject: the run goes back",
    "retry": "Try again with the finding",
    "feedback": "Only note it",
}


def bound(key: str, value: Json) -> str:
    """Return the key of a widget whose value is set to `value`, if it isn't yet."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return key


def form(specs: Sequence[FieldSpec], base: Path, prefix: str, findings: list[Finding]) -> None:
    """Draw fields below each other; short ones that follow each other share a row."""
    rest = list(specs)
    while rest:
        pair = len(rest) > 1 and _is_short(rest[0]) and _is_short(rest[1])
        row = [rest.pop(0) for _ in range(2 if pair else 1)]
        for column, spec in zip(st.columns(len(row)), row, strict=True):
            with column:
                draw_field(spec, base, prefix, findings)


def _is_short(spec: FieldSpec) -> bool:
    return spec.widget in {"number", "whole", "choice", "scalar"} or spec.path[-1] in PAIRED


def draw_field(spec: FieldSpec, base: Path, prefix: str, findings: list[Finding]) -> None:
    """Draw one field of the draft with what is wrong about it below."""
    path = (*base, *spec.path)
    key = "-".join([prefix, *map(str, spec.path)])
    design = state.current()
    value, message = design.bad.get(key, (None, ""))
    shown = value if message else to_widget(spec, ops.get(design.document, path))
    widget(spec, bound(key, shown), _edit, (key, spec, path))
    if message:
        st.error(escape(message), icon=":material/error:")
    show_problems(at(findings, dotted(path)))


def show_problems(findings: Sequence[Finding]) -> None:
    """Draw what is wrong, small, below a field."""
    for finding in findings:
        colour, icon = ("red", "error") if finding.is_error else ("orange", "warning")
        problem = finding.problem
        st.caption(
            f":{colour}[:material/{icon}: {escape(problem.problem)}] {escape(_remedy(problem.remedy))}"
        )


def _remedy(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def dotted(path: Path) -> str:
    """Return a path as problems write it: `steps.pay.validate[0].rule`."""
    text = "".join(f"[{piece}]" if isinstance(piece, int) else f".{piece}" for piece in path)
    return text.removeprefix(".")


def _edit(key: str, spec: FieldSpec, path: Path) -> None:
    design = state.current()
    shown = st.session_state[key]
    try:
        value = from_widget(spec, shown)
    except ValueError as problem:
        design.bad[key] = (shown, str(problem))
        return
    design.bad.pop(key, None)
    state.change(ops.put(design.document, path, ops.UNSET if value is None else value))


def widget(spec: FieldSpec, key: str, on_change: Callable[..., None] | None, args: tuple[Any, ...]) -> Json:
    """Draw the widget of a field under a key whose value is set; return its value."""
    common: dict[str, Any] = {"key": key, "help": spec.help or None, "on_change": on_change, "args": args}
    match spec.widget:
        case "toggle":
            return st.toggle(spec.label, **common)
        case "choice":
            return st.selectbox(spec.label, spec.options, index=None, format_func=_word, **common)
        case "number" | "whole":
            return _number(spec, common)
        case "area":
            return st.text_area(spec.label, height=spec.height, **common)
        case "json":
            lines = str(st.session_state[key]).count("\n") + 1
            return st.text_area(spec.label, height=max(68, min(240, 34 + 22 * lines)), **common)
    return st.text_input(spec.label, **common)


def _word(option: str) -> str:
    return _WORDS.get(option, option)


def _number(spec: FieldSpec, common: dict[str, Any]) -> Json:
    kind: Callable[[float], float] = int if spec.widget == "whole" else float
    low, high = (None if bound is None else kind(bound) for bound in (spec.low, spec.high))
    step = 1 if spec.widget == "whole" else 0.5
    return st.number_input(
        spec.label, low, high, value=None, step=step, format=None if step == 1 else "%g", **common
    )


def rows(
    specs: Sequence[FieldSpec],
    path: Path,
    prefix: str,
    findings: list[Finding],
    *,
    noun: str,
    new: Callable[[set[str]], Json],
) -> None:
    """Draw a list of records: a card each, with a button to delete it, and one to add another."""
    found = ops.get(state.current().document, path, [])
    records = found if isinstance(found, list) else []
    for index in range(len(records)):
        with st.container(border=True, gap="small", key=f"{prefix}-{index}"):
            form(specs, (*path, index), f"{prefix}-{index}", findings)
            args = (ops.put, (*path, index), ops.UNSET)
            st.button("Remove", key=f"{prefix}-{index}-remove", icon=":material/delete:", type="tertiary",
                      on_click=state.apply, args=args)  # fmt: skip
    names = {str(record.get("name")) for record in records if isinstance(record, dict)}
    st.button(f"Add {noun}", key=f"{prefix}-add", icon=":material/add:", on_click=state.apply,
              args=(ops.put, path, [*records, new(names)]))  # fmt: skip
