"""The user guide: a chapter picker, and the chapter."""

import streamlit as st

from ui.models.guide import Chapter, chapter, chapters, neighbours

CHOICE = "guide_chapter"


def turn_to(slug: str) -> None:
    """Open a chapter."""
    st.session_state[CHOICE] = slug
    st.query_params["chapter"] = slug


def turn_button(found: Chapter | None, name: str, icon: str) -> None:
    """Draw the way to the chapter before or after."""
    if found is not None:
        st.button(found.title, key=f"guide_{name}", icon=f":material/{icon}:", type="tertiary",
                  icon_position="right" if name == "next" else "left", on_click=turn_to, args=(found.slug,))  # fmt: skip


if CHOICE not in st.session_state:
    st.session_state[CHOICE] = chapter(st.query_params.get("chapter")).slug
titles = {found.slug: f"{i}. {found.title}" for i, found in enumerate(chapters(), 1)}

picker, text = st.columns([1, 3.2], gap="large")
with picker:
    st.header("Guide", anchor=False)
    chosen = st.radio("Chapter", list(titles), format_func=titles.__getitem__, key=CHOICE, label_visibility="collapsed")  # fmt: skip
current = chapter(chosen)
st.query_params["chapter"] = current.slug
with text, st.container(width=860, key="guide_text"):
    st.title(current.title, anchor=False)
    st.markdown(current.text)
    before, after = neighbours(current)
    with st.container(horizontal=True):
        turn_button(before, "previous", "arrow_back")
        st.space("stretch")
        turn_button(after, "next", "arrow_forward")
