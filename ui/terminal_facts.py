"""The fact ledger of a run in a terminal."""

from __future__ import annotations

import json

import click

from engine.core.facts import ledger
from storage.store import open_store
from ui.models.run_facts import fact_document, fact_rows
from ui.settings import Settings
from ui.terminal import folded


def show_facts(settings: Settings, run_id: str, *, as_json: bool) -> None:
    """Print what a run went by; as JSON with every use."""
    store = open_store(settings.database)
    try:
        run = folded(store, run_id)
    finally:
        store.close()
    found = ledger(run)
    if as_json:
        click.echo(json.dumps([fact_document(fact) for fact in found], indent=2, ensure_ascii=False))
        return
    for row in fact_rows(run):
        click.secho(f"{row.path}", bold=True, nl=False)
        click.echo(f" = {row.value}")
        click.echo(f"    {row.source}, since {row.since}; relied on by {row.relied or 'nobody'}")
        if row.state:
            click.secho(f"    {row.state}", fg="yellow")
    if not found:
        click.echo("no step has used a fact yet", err=True)
