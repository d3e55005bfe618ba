"""Form fields bound to the draft: what is shown is the draft, what is typed changes it.

The draft is the only source: a field that shows something else than the draft says gets a new widget
(see `design_drawn`). A text that can't be read stays, with what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final

import streamlit as st

from ui.components import design_state as state
from ui.components.design_drawn import Drawn, edited, field
from ui.components.text import escape
from ui.models import draft as ops
from ui.models.design_forms import PAIRED, FieldSpec, Path
from ui.models.design_values import from_widget, safe, to_widget
from ui.models.draft_places import choose_saga
from ui.models.draft_problems import Finding, at, sentence
from ui.models.draft_unread import Typed

Json = Any
_CODE: Final = frozenset({"code", "json", "words", "lines", "list"})  # drawn in the code font
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
    name = "-".join([prefix, *map(str, spec.path)])
    design = state.current()
    spec = safe(spec, ops.get(design.document, path))
    typed = state.unread_at(path)
    shown = typed.shown if typed else to_widget(spec, ops.get(design.document, path))
    font = st.container(key=f"designer-code-{name}") if spec.widget in _CODE else nullcontext()
    with font, field(name, shown, is_clearable=_is_clearable(spec)) as drawn:
        _widget(spec, drawn, (_edit, spec, path))
    if typed:
        unread_note(name, path, typed)
    else:
        show_problems(at(findings, ops.dotted(path)))


def unread_note(name: str, path: Path, typed: Typed | None) -> None:
    """Draw why what was typed can't be taken, small, below its field, with the way back to what the draft says."""
    if typed is None:
        return
    st.markdown(f":small[:red[:material/error: {escape(typed.wrong)}]]")
    where = (*state.current().place, *path)
    st.button("Reset", key=f"{name}-reset", icon=":material/restart_alt:", type="tertiary", on_click=state.reset,
              args=(where,), help="Show what the draft says again")  # fmt: skip


def show_problems(findings: Sequence[Finding]) -> None:
    """Draw what is wrong, small, below a field."""
    for finding in findings:
        colour, icon = ("red", "error") if finding.is_error else ("orange", "warning")
        problem = finding.problem
        words, remedy = escape(sentence(problem.problem)), escape(sentence(problem.remedy))
        st.markdown(f":small[:{colour}[:material/{icon}: {words}] {remedy}]")


def _edit(shown: Json, spec: FieldSpec, path: Path) -> None:
    try:
        value = from_widget(spec, shown)
    except ValueError as problem:
        state.keep_unread(path, shown, str(problem))
        return
    if path[0] == "steps" and path[2:] == ("with", "url"):
        state.take(path, ops.readdress, path[1], value)
    elif path[0] == "steps" and path[2:] == ("with", "saga"):
        state.take(path, choose_saga, path[1], value)
    else:
        state.take(path, ops.put, path, ops.UNSET if value is None else value)


def _widget(spec: FieldSpec, drawn: Drawn, then: tuple[Any, ...]) -> None:
    """Draw the widget of a field."""
    common: dict[str, Any] = {
        "key": drawn.key,
        "help": spec.help or None,
        "on_change": edited,
        "args": (drawn.key, *then),
    }
    match spec.widget:
        case "toggle":
            st.toggle(spec.label, drawn.value, **common)
        case "choice":
            first = None if _is_clearable(spec) else _index(spec.options, drawn.value)
            st.selectbox(spec.label, spec.options, first, format_func=_word, **common)
        case "number" | "whole":
            _number(spec, drawn, common)
        case "area":
            st.text_area(spec.label, drawn.value, height=spec.height, **common)
        case "json" | "code" | "lines" | "list":
            st.text_area(spec.label, drawn.value, height=_height(str(drawn.known)), **common)
        case _:
            st.text_input(spec.label, drawn.value, **common)


def _height(text: str) -> int:
    """Return the pixels that a text takes in the inspector, within bounds."""
    lines = sum(1 + len(line) // 40 for line in text.split("\n"))
    return max(68, min(260, 32 + 21 * lines))


def _is_clearable(spec: FieldSpec) -> bool:
    """Tell whether nothing can be chosen or written: where the definition needs no value, and has no default."""
    if spec.widget == "choice":
        return spec.default is None and not spec.is_required
    return spec.widget in {"number", "whole"} and spec.default is None


def _index(options: Sequence[str], value: Json) -> int | None:
    return options.index(value) if value in options else None


def _word(option: str) -> str:
    return _WORDS.get(option, option)


def _number(spec: FieldSpec, drawn: Drawn, common: dict[str, Any]) -> None:
    """Draw a number without its bounds: a browser keeps what is beyond them to itself, and shows it all the same."""
    step = 1 if spec.widget == "whole" else 0.5
    first: Any = None if _is_clearable(spec) else drawn.value
    form = None if step == 1 else "%g"
    st.number_input(spec.label, value=first, step=step, format=form, **common)


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
            st.button("Remove", key=f"{prefix}-{index}-remove", icon=":material/delete:", type="tertiary",
                      on_click=state.remove_entry, args=(path, index))  # fmt: skip
    names = {str(record.get("name")) for record in records if isinstance(record, dict)}
    st.button(f"Add {noun}", key=f"{prefix}-add", icon=":material/add:", on_click=state.apply,
              args=(ops.put, path, [*records, new(names)]))  # fmt: skip
