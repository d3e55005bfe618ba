"""The command that brings news from outside to the runs that wait for it."""

from __future__ import annotations

import json
import sys
from typing import Any
from uuid import uuid4

import click

from engine.core.commands import Signal
from engine.core.errors import CommandRejected
from ui.cli_errors import says_errors
from ui.settings import read_settings


@click.command()
@click.argument("words", metavar="[RUN] NAME", nargs=-1, required=True)
@click.option(
    "--key", default="", help="What it is about; without RUN it reaches every run that waits for it."
)
@click.option(
    "--json", "payload", default="{}", metavar="JSON", help="What it brings: the output of the step."
)
@click.option("--id", "signal_id", default="", help="The same id again counts once; a new one unless said.")
@says_errors
def signal(words: tuple[str, ...], key: str, payload: str, signal_id: str) -> None:
    """Tell a run, or all runs that wait for this key, what happened outside.

    \b
    Example:
      saga signal r-0198c2f4d51a2b3c build_finished --json '{"status": "passed"}'
      saga signal build_finished --key shop-api --json '{"status": "failed"}'
    """
    if len(words) > 2 or (len(words) == 1 and not key):
        raise click.UsageError("write `saga signal RUN NAME`, or `saga signal NAME --key KEY`")
    *run_id, name = words
    settings, brought, sent = read_settings(), _json(payload), signal_id or uuid4().hex
    from ui.terminal import tell, tell_all

    command = Signal(id=sent, name=name, key=key, payload=brought, by=settings.user)
    if run_id:
        sys.exit(tell(settings, run_id[0], command, f"signal {name}"))
    sys.exit(tell_all(settings, command))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandRejected(f"--json is no JSON: {error}") from None
