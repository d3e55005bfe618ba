"""The user guide as chapters: Markdown files of `ui/guide/`, in the order of their numbers. No drawing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent.parent / "guide"
_FENCE: Final = re.compile(r"^```([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Chapter:
    """One chapter. `slug` names it in links; `text` is its Markdown below the title."""

    slug: str
    title: str
    text: str


@dataclass(frozen=True)
class Block:
    """A code block of a chapter: what stands behind the opening fence, and the code."""

    chapter: str
    info: str
    code: str


@cache
def chapters() -> tuple[Chapter, ...]:
    """Return the chapters in order."""
    return tuple(_chapter(path) for path in sorted(FOLDER.glob("[0-9][0-9]-*.md")))


def chapter(slug: str | None) -> Chapter:
    """Return the chapter of that name, or the first."""
    return next((found for found in chapters() if found.slug == slug), chapters()[0])


def neighbours(current: Chapter) -> tuple[Chapter | None, Chapter | None]:
    """Return the chapters before and after one."""
    found = chapters()
    at = found.index(current)
    return (found[at - 1] if at else None), (found[at + 1] if at + 1 < len(found) else None)


def blocks() -> list[Block]:
    """Return every code block of the guide."""
    return [
        Block(chapter.slug, match[1].strip(), match[2])
        for chapter in chapters()
        for match in _FENCE.finditer(chapter.text)
    ]


def _chapter(path: Path) -> Chapter:
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    return Chapter(path.stem[3:], first.removeprefix("# ").strip(), rest.strip())
