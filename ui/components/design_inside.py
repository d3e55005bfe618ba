"""Composite steps in the Designer: their bodies open in place, on the same canvas; tools are edited as YAML."""

from __future__ import annotations

import re

import streamlit as st
import yaml

from engine.core.document import parse_document
from engine.core.errors import DefinitionInvalid
from engine.core.parts import ID_PATTERN
from engine.templates import templates
from ui.components import design_state as state
from ui.components.design_drawn import edited, field
from ui.components.design_fields import draw_field, show_problems, unread_note
from ui.components.design_state import Design
from ui.components.text import escape
from ui.models import draft as ops
from ui.models.design_forms import FieldSpec
from ui.models.draft_defaults import default_step
from ui.models.draft_places import around, bodies_in, step_at, way
from ui.models.draft_problems import Finding, at
from ui.models.run_words import counted
from ui.session import studio

_OUTPUT = FieldSpec(
    ("output",), "What it gives", "code", help="With `${...}`; unless said, the output of its last step"
)
SEES = {
    "map": "`item` and `index`",
    "loop": "`round` and `last`, the output of the round before",
    "team": "`task`, and `results` of the tasks that it needs",
    "agent": "`args`, what the model calls the tool with",
    "saga": "only its own `run.input`, `app` and steps",
}
"""What the steps inside see besides what all steps see, by kind."""


def saga_names() -> set[str]:
    """Return the sagas that a step can name: those with a version, and the templates."""
    published = {version.saga for version in studio().store.versions()}
    return (published | {entry.name for entry in templates()}) - {state.current().name}


def draw_way(design: Design) -> None:
    """Draw the way from the saga to the body that is open; nothing where that is the saga itself."""
    if not design.place:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="designer-way"):
        crumbs = way(design.whole, design.place)
        for number, (place, title) in enumerate(crumbs):
            words = title or ops.title_of(design.whole)
            if number:
                st.markdown(":gray[:material/chevron_right:]", width="content")
            if place == design.place:
                st.markdown(f"**{escape(words)}**", width="content")
            else:
                st.button(escape(words), key=f"designer-way-{number}", type="tertiary", on_click=state.enter,
                          args=(place,), icon=":material/arrow_upward:" if number == len(crumbs) - 2 else None)  # fmt: skip


def draw_inside(step: str, body: ops.Document, findings: list[Finding]) -> None:
    """Draw what is inside a composite step, each body with the button that opens it."""
    kind, design = str(body.get("kind")), state.current()
    st.markdown("**Inside it**")
    st.caption(f"Its steps see {SEES[kind]}.")
    for name, path in bodies_in(step, body).items():
        inner = ops.steps_of(ops.get(design.document, path, {}))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(f"Open {escape(name or 'the body')}", key=f"designer-open-{step}-{name}", type="primary",
                      icon=":material/open_in_full:", on_click=state.enter, args=((*design.place, *path),))  # fmt: skip
            st.caption(counted(len(inner), "step"), width="stretch")
            if kind == "team":
                st.button("", key=f"designer-drop-{step}-{name}", icon=":material/delete:", type="tertiary",
                          help="Remove this worker", on_click=state.take, args=(path, ops.put, path, ops.UNSET))  # fmt: skip
    if kind == "team":
        _add_worker(step, body)
    if kind == "agent":
        _as_yaml(step, "tools", "Tools, as YAML")
    if kind == "saga" and "definition" not in body:
        st.caption("The version that is published then is pinned when this saga is saved as a version.")
    inside = ("body", "workers", "tools", "definition")
    show_problems([f for key in inside for f in at(findings, f"steps.{step}.{key}")])


def draw_body(findings: list[Finding]) -> None:
    """Draw the form of the body that is open, where none of its steps is selected."""
    design = state.current()
    st.subheader(":material/data_object: The body", anchor=False)
    outer = ops.get(design.whole, (*around(design.place), "steps", step_at(design.place)), {})
    st.caption(
        f"Its steps see {SEES.get(str(outer.get('kind')), 'what all steps see')}. Select one to edit it."
    )
    if design.place[-1] != "definition":
        draw_field(_OUTPUT, (), "designer-body", findings)
    st.button("Back", icon=":material/arrow_upward:", key="designer-body-back", on_click=state.enter,
              args=(around(design.place), step_at(design.place)))  # fmt: skip


def _add_worker(step: str, body: ops.Document) -> None:
    key = f"designer-worker-{step}"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input("A further role", key=key, placeholder="writer", width="stretch")
        st.button(
            "Add", key=f"{key}-add", icon=":material/add:", on_click=_new_worker, args=(key, step, body)
        )


def _new_worker(key: str, step: str, body: ops.Document) -> None:
    name = str(st.session_state[key]).strip()
    if not re.fullmatch(ID_PATTERN, name) or name in (body.get("workers") or {}):
        state.current().said = "A role is a short word of a-z, 0-9 and _ that is not there yet."
        return
    inner = ops.get(default_step("team"), ("workers", "worker"))
    state.apply(ops.put, ("steps", step, "workers", name), inner)
    st.session_state[key] = ""


def _as_yaml(step: str, part: str, label: str) -> None:
    design, name, path = state.current(), f"designer-yaml-{step}-{part}", ("steps", step, part)
    written = yaml.safe_dump(ops.get(design.document, path, {}), sort_keys=False, allow_unicode=True)
    typed = state.unread_at(path)
    text = str(typed.shown) if typed else written
    height = max(150, min(480, 23 * text.count("\n") + 40))
    with st.container(key=f"designer-code-{name}"), field(name, text) as own:
        args = (own.key, _read_yaml, path)
        st.text_area(label, own.value, key=own.key, height=height, on_change=edited, args=args)
    unread_note(name, path, typed)


def _read_yaml(text: str, path: ops.Path) -> None:
    try:
        value = parse_document(text)
    except DefinitionInvalid as invalid:
        found = invalid.problems[0]
        is_none = found.path == "file"
        said = "It must be names with what each is, such as `search: {...}`." if is_none else str(found)
        state.keep_unread(path, text, said)
        return
    state.take(path, ops.put, path, value)
