"""The commands for what is kept across runs: to look at it, and to erase it."""

from __future__ import annotations

import json
from contextlib import closing

import click

from engine.core.errors import CommandRejected
from engine.memories import Remembered
from storage.store import open_store
from ui.cli_errors import says_errors
from ui.settings import read_settings


@click.command()
@click.argument("saga", required=False)
@click.option("--key", help="Only what is known about this.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@says_errors
def memory(saga: str | None, key: str | None, *, as_json: bool) -> None:
    """List the facts that runs have left to later ones, with their source.

    \b
    Example:
      saga memory choreographed-order --key ann
    """
    with closing(open_store(read_settings().database)) as store:
        facts = store.remembered(saga, key)
    if as_json:
        click.echo(json.dumps([fact.model_dump(mode="json") for fact in facts], indent=2, ensure_ascii=False))
        return
    for fact in facts:
        _print(fact)
    if not facts:
        click.echo(
            "nothing is remembered; a saga with `memory:` leaves facts when its runs complete", err=True
        )


def _print(fact: Remembered) -> None:
    about = f" · {fact.key}" if fact.key else ""
    click.secho(f"{fact.saga}{about} · {fact.name}: ", bold=True, nl=False)
    click.echo(json.dumps(fact.value, ensure_ascii=False))
    told = f" by {', '.join(fact.steps)} (event {fact.seq})" if fact.steps else ""
    click.echo(f"    {fact.at:%Y-%m-%d %H:%M:%S} from {fact.run_id}{told}")


@click.command()
@click.argument("saga")
@click.argument("name", required=False)
@click.option("--key", help="Only what is known about this.")
@click.option("--all", "everything", is_flag=True, help="Without --key: all that the saga knows.")
@says_errors
def forget(saga: str, name: str | None, key: str | None, *, everything: bool) -> None:
    """Erase what runs of a saga have left: about one thing, of one name, or all.

    The logs of the runs that left it stay as they are.

    \b
    Example:
      saga forget choreographed-order --key ann
      saga forget choreographed-order last_sku --key ann
    """
    if key is None and not everything:
        raise click.UsageError("say --key KEY, or --all for everything that the saga knows")
    with closing(open_store(read_settings().database)) as store:
        gone = store.forget(saga, key, name)
    if not gone:
        raise CommandRejected("there is nothing of that to forget; `saga memory` lists what there is")
    click.echo(f"forgotten: {gone}")
