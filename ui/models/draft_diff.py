"""What differs between two documents, line by line in their YAML."""

from __future__ import annotations

from difflib import unified_diff
from typing import Any

from engine.core.document import to_yaml


def yaml_diff(before: dict[str, Any], after: dict[str, Any], names: tuple[str, str]) -> str:
    """Return the unified diff from one document to another; empty where they are the same."""
    old, new = (to_yaml(document).splitlines() for document in (before, after))
    return "\n".join(unified_diff(old, new, *names, lineterm="", n=3))
