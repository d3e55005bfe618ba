"""The commands with which people decide: approvals, outputs that a validator leaves to them, what no longer counts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

from ui.cli_errors import says_errors
from ui.settings import read_settings


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("step")
@click.option("--reason", default="", help="Why; it is kept with the run.")
@says_errors
def approve(run_id: str, step: str, reason: str) -> None:
    """Say yes to a step that waits for approval.

    \b
    Example:
      saga approve r-0198c2f4d51a2b3c flight_back --reason "within policy"
    """
    from ui.terminal import decide

    sys.exit(decide(read_settings(), run_id, step, "approved", reason))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("step")
@click.option("--reason", default="", help="Why; it is kept with the run.")
@says_errors
def deny(run_id: str, step: str, reason: str) -> None:
    """Say no to a step that waits for approval; the run is undone.

    \b
    Example:
      saga deny r-0198c2f4d51a2b3c flight_back --reason "too expensive"
    """
    from ui.terminal import decide

    sys.exit(decide(read_settings(), run_id, step, "denied", reason))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("step")
@click.option("--accept", is_flag=True, help="The output counts as it is.")
@click.option("--augment", is_flag=True, help="It counts with what a validator proposed.")
@click.option("--reject", is_flag=True, help="It does not count.")
@click.option("--reason", required=True, help="Why; it is kept with the run.")
@says_errors
def verdict(run_id: str, step: str, reason: str, **said: bool) -> None:
    """Decide about an output where a validator asks a person, or could not be asked itself.

    \b
    Example:
      saga verdict r-0198c2f4d51a2b3c summary --accept --reason "read it, the figures are right"
    """
    from ui.terminal import give_verdict

    words: tuple[Literal["accept", "augment", "reject"], ...] = ("accept", "augment", "reject")
    given = [word for word in words if said[word]]
    if len(given) != 1:
        raise click.UsageError("say --accept, --augment or --reject, and only one of them")
    sys.exit(give_verdict(read_settings(), run_id, step, given[0], reason))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("steps", metavar="STEP...", nargs=-1, required=True)
@click.option("--reason", required=True, help="What has changed; it is kept with the run.")
@says_errors
def stale(run_id: str, steps: tuple[str, ...], reason: str) -> None:
    """Say that what some steps relied on has changed.

    They and what depends on them are undone and done anew where the saga says `recovery: repair`; with `ask` a
    person chooses, with `compensate` everything is undone.

    \b
    Example:
      saga stale r-0198c2f4d51a2b3c hotel_berlin --reason "the hotel has closed"
    """
    from ui.terminal import mark_stale

    sys.exit(mark_stale(read_settings(), run_id, steps, reason))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--reason", default="", help="Why; it is kept with the run.")
@says_errors
def amend(run_id: str, file: Path | None, reason: str) -> None:
    """Change the plan of a run from here on; what has begun stays as it is.

    Without FILE it prints the plan that the run has now, to be edited.

    \b
    Example:
      saga amend r-0198c2f4d51a2b3c > plan.yaml
      saga amend r-0198c2f4d51a2b3c plan.yaml --reason "the hotel has closed"
    """
    from ui.terminal_plan import change_plan, print_plan

    settings = read_settings()
    sys.exit(print_plan(settings, run_id) if file is None else change_plan(settings, run_id, file, reason))
