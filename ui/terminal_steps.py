"""The steps of a run in a terminal: those inside composite steps below them, of very many only what should be seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from engine.core.run import Run, StepState
from ui.models.run_places import MAX_SHOWN, steps_at, table_steps
from ui.models.run_tally import inner_steps, inside_words
from ui.models.status import STEP, Family
from ui.models.step_words import shown_status, status_words

MAX_LINES: Final = 20
_TELLING: Final = frozenset(
    {"failed", "handled", "unknown", "awaiting_approval", "comp_failed", "retry_wait"}
)
_COLOURS: Final[dict[Family, str]] = {
    "blue": "blue", "yellow": "yellow", "orange": "yellow", "green": "green", "red": "red", "violet": "magenta",
}  # fmt: skip


def print_steps(run: Run) -> None:
    """Print a line for each step: where it stands, and why."""
    shown = list(_shown(run))
    width = max((len(step.id) for step in shown), default=0)
    for step in shown:
        click.echo(f"  {step.id:{width}}  ", nl=False)
        look = STEP.get(shown_status(run, step))
        click.secho(f"{status_words(run, step):22}", fg=_COLOURS.get(look.family) if look else None, nl=False)
        click.echo(f" {step.reason or inside_words(run, step)}".rstrip())
    if len(shown) < len(run.steps):
        click.echo(f"  ... and {len(run.steps) - len(shown):,} more inside; `saga show --json` has them all")


def _shown(run: Run) -> Iterator[StepState]:
    if len(run.steps) <= MAX_SHOWN:
        yield from table_steps(run, "")
        return
    for step in steps_at(run, ""):
        yield step
        telling = [one for one in inner_steps(run, step) if one.status in _TELLING]
        yield from telling[:MAX_LINES]
