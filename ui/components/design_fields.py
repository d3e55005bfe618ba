"""Form fields bound to the draft: what is shown is the draft, what is typed changes it.

The draft is the only source: before a field is drawn its value is set from the draft, so undo, another
selection or new source text need no other keys. A text that can't be read stays, with what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final

import streamlit as st

from ui.components import design_state as state
from ui.components.text import escape
from ui.models import draft as ops
from ui.models.design_forms import PAIRED, FieldSpec, Path
from ui.models.design_values import from_widget, safe, to_widget
from ui.models.draft_places import choose_saga
from ui.models.draft_problems import Finding, at, sentence

Json = Any
_CODE: Final = frozenset({"code", "json", "words", "lines"})  # drawn in the code font
_WORDS: Final = {
    "compensate": "Undo all that landed",
    "repair": "Undo and redo what is affected",
    "ask": "Ask a person first",
    "deny": "No",
    "approve": "Yes",
    "fault": "The run goes back",
    "continue": "Later steps decide",
    "ancestors": "Steps it comes after",
    "all": "All steps",
    "none": "No other step",
    "stop": "The run goes back",
    "pause": "Pause the run",
}


def bound(key: str, value: Json) -> str:
    """Return the key of a widget whose value is set to `value`, if it isn't yet."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return key


def code_font() -> None:
    """Let fields for code, JSON and YAML use the code font; Streamlit has no option for it."""
    fields = "[class*='st-key-designer-code'], .st-key-designer-source, [class*='-plan-text']"
    rule = "font-family: 'Source Code Pro', monospace; font-size: .85rem"
    st.html(f"<style>:is({fields}) :is(input, textarea) {{ {rule} }}</style>")


def form(specs: Sequence[FieldSpec], base: Path, prefix: str, findings: list[Finding]) -> None:
    """Draw fields below each other; short ones that follow each other share a row."""
    rest = list(specs)
    while rest:
        widths = _widths(rest)
        for column in st.columns(widths, vertical_alignment="bottom"):
            with column:
                draw_field(rest.pop(0), base, prefix, findings)


def _widths(rest: Sequence[FieldSpec]) -> tuple[int, ...]:
    """Return how wide the fields of the next row are."""
    names = [str(spec.path[-1]) for spec in rest[:2]]
    if names == ["method", "url"]:
        return (2, 5)
    return (1, 1) if len(names) == 2 and all(map(_is_short, rest[:2])) else (1,)


def _is_short(spec: FieldSpec) -> bool:
    return spec.widget in {"number", "whole", "scalar"} or spec.path[-1] in PAIRED


def draw_field(spec: FieldSpec, base: Path, prefix: str, findings: list[Finding]) -> None:
    """Draw one field of the draft with what is wrong about it below."""
    path = (*base, *spec.path)
    key = "-".join([prefix, *map(str, spec.path)])
    design = state.current()
    spec = safe(spec, ops.get(design.document, path))
    value, message = design.bad.get(key, (None, ""))
    shown = value if message else to_widget(spec, ops.get(design.document, path))
    with st.container(key=f"designer-code-{key}") if spec.widget in _CODE else nullcontext():
        widget(spec, bound(key, shown), _edit, (key, spec, path))
    if message:
        field_error(message)
    else:
        show_problems(at(findings, ops.dotted(path)))


def field_error(message: str) -> None:
    """Draw why what was typed can't be taken, small, below a field."""
    st.markdown(f":small[:red[:material/error: {escape(message)}]]")


def show_problems(findings: Sequence[Finding]) -> None:
    """Draw what is wrong, small, below a field."""
    for finding in findings:
        colour, icon = ("red", "error") if finding.is_error else ("orange", "warning")
        problem = finding.problem
        words, remedy = escape(sentence(problem.problem)), escape(sentence(problem.remedy))
        st.markdown(f":small[:{colour}[:material/{icon}: {words}] {remedy}]")


def _edit(key: str, spec: FieldSpec, path: Path) -> None:
    design = state.current()
    shown = st.session_state[key]
    try:
        value = from_widget(spec, shown)
    except ValueError as problem:
        state.keep_bad(key, shown, str(problem), path)
        return
    design.bad.pop(key, None)
    if path[0] == "steps" and path[2:] == ("with", "url"):
        state.apply(ops.readdress, path[1], value)
    elif path[0] == "steps" and path[2:] == ("with", "saga"):
        state.apply(choose_saga, path[1], value)
    else:
        state.apply(ops.put, path, ops.UNSET if value is None else value)


def widget(spec: FieldSpec, key: str, on_change: Callable[..., None] | None, args: tuple[Any, ...]) -> Json:
    """Draw the widget of a field under a key whose value is set; return its value."""
    common: dict[str, Any] = {"key": key, "help": spec.help or None, "on_change": on_change, "args": args}
    match spec.widget:
        case "toggle":
            return st.toggle(spec.label, **common)
        case "choice":
            return st.selectbox(spec.label, spec.options, index=_first(spec), format_func=_word, **common)
        case "number" | "whole":
            return _number(spec, common)
        case "area":
            return st.text_area(spec.label, height=spec.height, **common)
        case "json" | "code" | "lines":
            return st.text_area(spec.label, height=_height(str(st.session_state[key])), **common)
    return st.text_input(spec.label, **common)


def _height(text: str) -> int:
    """Return the pixels that a text takes in the inspector, within bounds."""
    lines = sum(1 + len(line) // 40 for line in text.split("\n"))
    return max(68, min(260, 32 + 21 * lines))


def _first(spec: FieldSpec) -> int | None:
    """Return where a choice begins; one without a default can be left open."""
    return 0 if spec.default is not None or spec.is_required else None


def _word(option: str) -> str:
    return _WORDS.get(option, option)


def _number(spec: FieldSpec, common: dict[str, Any]) -> Json:
    kind: Callable[[float], float] = int if spec.widget == "whole" else float
    low, high = (None if bound is None else kind(bound) for bound in (spec.low, spec.high))
    step = 1 if spec.widget == "whole" else 0.5
    first: Any = None if spec.default is None else "min"  # None can be cleared: no value is one, too
    form = None if step == 1 else "%g"
    return st.number_input(spec.label, low, high, value=first, step=step, format=form, **common)


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
