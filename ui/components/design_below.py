"""Below the canvas: problems, edges, source, versions; one of them is drawn at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import streamlit as st

from engine.core.document import parse_document, to_yaml
from engine.core.errors import DefinitionInvalid
from ui.components import design_state as state
from ui.components.design_drawn import edited, field
from ui.components.design_edges import draw_edges
from ui.components.design_state import Design, Source, Standing
from ui.components.design_versions import draw_versions
from ui.components.text import escape, plain
from ui.models.draft import step_title
from ui.models.draft_places import leads_to, view
from ui.models.draft_problems import Finding, form_problems, problem_lines, sentence

VIEWS: Final = ("Problems", "Edges", "Source", "Versions")
_ICONS: Final = {
    "Problems": "rule",
    "Edges": "conversion_path",
    "Source": "data_object",
    "Versions": "history",
}
_SOURCE: Final = "designer-source"
_OLDER: Final = (
    "The draft was changed after this text was made from it, in a form or in another window. Applying the text"
    " takes that back; Discard shows the draft as it is now."
)


def below(design: Design, standing: Standing) -> None:
    """Draw the view switch and the chosen view."""
    with st.container(border=True, key="designer-below"):
        counts = {"Problems": len(standing.findings), "Versions": len(standing.versions)}

        def word(view: str) -> str:
            number = f" · {counts[view]}" if counts.get(view) else ""
            return f":material/{_ICONS[view]}: {view}{number}"

        with field("designer-view", design.below, labels=(word(design.below),)) as own:
            st.segmented_control(
                "View", VIEWS, default=own.value, key=own.key, required=True, format_func=word,
                label_visibility="collapsed", on_change=edited, args=(own.key, _turn),
            )  # fmt: skip
        if design.below == "Edges":
            draw_edges(design)
        elif design.below == "Source":
            _source(design)
        elif design.below == "Versions":
            draw_versions(design, standing)
        else:
            _problems(design, standing.findings)


def _turn(view: str | None) -> None:
    state.current().below = view if view in VIEWS else "Problems"


def _problems(design: Design, findings: list[Finding]) -> None:
    if not findings:
        st.success("Nothing is wrong. The saga can be saved and run.", icon=":material/check_circle:")
        return
    for index, finding in enumerate(findings):
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key=f"designer-problem-{index}"
        ):
            icon, colour = ("error", "red") if finding.is_error else ("warning", "orange")
            place, step, segment = leads_to(finding, design.whole)
            title = step_title(view(design.whole, place), step) if step else "Saga"
            on_source = finding.problem.path == state.SOURCE
            go, args = (_turn, ("Source",)) if on_source else (state.enter, (place, step, segment))
            st.button(title_label(title, icon, colour), key=f"designer-problem-{index}-go", type="tertiary",
                      help=escape(finding.problem.path), on_click=go, args=args)  # fmt: skip
            with st.container(gap=None):
                plain(sentence(finding.problem.problem))
                st.caption(escape(sentence(finding.problem.remedy)))
            if finding.unread is not None:
                st.button("Reset", key=f"designer-problem-{index}-reset", icon=":material/restart_alt:", type="tertiary",
                          on_click=state.reset, args=(finding.unread,), help="Show what the draft says again")  # fmt: skip


def title_label(title: str, icon: str, colour: str) -> str:
    """Return a button's label with a coloured icon in front of a text."""
    return f":{colour}[:material/{icon}:] {escape(title)}"


def _source(design: Design) -> None:
    now = to_yaml(design.whole)
    source = design.source or Source(now, now)
    text, made_of = source.text, source.made_of
    lines = text.count("\n") + 1
    with field(_SOURCE, text) as own:
        st.text_area("The saga as YAML", own.value, key=own.key, height=max(220, min(640, 22 * lines + 34)),
                     on_change=edited, args=(own.key, _touch, made_of),
                     help="What an exported file holds. Nothing changes before you apply it.")  # fmt: skip
    if made_of != now:
        st.warning(_OLDER, icon=":material/warning:")
    if source.wrong:
        st.error("Nothing was changed:", icon=":material/error:")
        st.code(source.wrong, language=None, wrap_lines=True)
    with st.container(horizontal=True, gap="small"):
        if made_of == now:
            st.button("Apply", key="designer-source-apply", icon=":material/check:", type="primary",
                      on_click=_apply, args=(now, made_of))  # fmt: skip
        else:
            st.button("Apply all the same", key="designer-source-overwrite", icon=":material/check:",
                      on_click=_apply, args=(now, made_of))  # fmt: skip
        st.button("Discard", key="designer-source-discard", icon=":material/close:", on_click=_discard,
                  disabled=design.source is None, help="Show the draft again")  # fmt: skip


def _touch(text: str, made_of: str) -> None:
    """Keep a text that is not applied yet, with the draft that it was made from."""
    state.current().source = Source(text, made_of)


def _discard() -> None:
    state.current().source = None


def _apply(over: str, made_of: str) -> None:
    """Make the text the draft, if it is the one that was told to be replaced, by a text made of the one told."""
    design, now = state.current(), to_yaml(state.current().whole)
    source = design.source or Source(now, now)
    if over != now or (design.source and source.made_of != made_of):
        design.said = "Not applied: the draft was changed meanwhile"
        return
    try:
        document = parse_document(source.text)
        problems = form_problems(document)
        if problems:
            raise DefinitionInvalid(problems)  # noqa: TRY301 - one handler words them all
    except DefinitionInvalid as invalid:
        design.source = replace(source, wrong=problem_lines(invalid.problems))
        return
    clash = document["saga"] != design.name and document["saga"] in state.taken_names()
    if clash:
        wrong = f"saga: there is a saga named {document['saga']} already - choose another name"
        design.source = replace(source, wrong=wrong)
        return
    design.source = None
    state.change_whole(document, {})
    design.said = "The source is the draft now"
