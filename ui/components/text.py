"""Text that models, tools and people wrote, shown as text. Nothing here interprets Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import streamlit as st

if TYPE_CHECKING:
    from ui.models.status import Theme

_PUNCTUATION: Final = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$^&=:/@\"'])")
_JOINER: Final = "\u2060"  # word joiner: invisible, and not a place to break the line
# Streamlit replaces these in the parsed text, where a backslash is already gone.
_REPLACED: Final = re.compile(r"(?<=[:@])(?=\S)|(?<=www)(?=\.)|(?<=[-<=~>])(?=[-<>=])", re.IGNORECASE)


def escape(text: str) -> str:
    """Return `text` for a label or other Markdown, so that it reads as it was written.

    Control characters and line breaks become blanks. Emoji codes, icons, colours, links, mathematics
    and arrows stay the characters they are.
    """
    flat = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return _PUNCTUATION.sub(r"\\\1", _REPLACED.sub(_JOINER, flat))


def plain(text: str, *, width: Literal["stretch", "content"] = "stretch") -> None:
    """Draw `text` as it is: no Markdown, no HTML, line breaks kept."""
    st.text(text, width=width)


def shorten(text: str, limit: int = 60) -> str:
    """Return `text` on one line, cut with an ellipsis after `limit` characters. Not escaped."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def theme_type() -> Theme:
    """Return the theme the reader looks at: "light" or "dark"."""
    return "dark" if st.context.theme.type == "dark" else "light"
