"""The plan of a run in a terminal: printed, and changed from a file."""

from __future__ import annotations

from pathlib import Path

import click

from engine.core.commands import Amend
from engine.core.document import parse_document, to_yaml
from ui.compose import Studio
from ui.settings import Settings
from ui.terminal import folded, tell


def print_plan(settings: Settings, run_id: str) -> int:
    """Print the plan that a run has now as YAML. Return the exit code."""
    with Studio.open(settings, adopt=False) as studio:
        run = folded(studio.store, run_id)
    click.echo(to_yaml(run.saga.document()), nl=False)
    return 0


def change_plan(settings: Settings, run_id: str, file: Path, reason: str) -> int:
    """Change the rest of a run to what a file says, and go on like `decide`. Return the exit code."""
    document = parse_document(file.read_bytes())
    return tell(
        settings, run_id, Amend(by=settings.user, document=document, reason=reason), "the plan is changed"
    )
