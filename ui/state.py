"""What `saga state` prints: a run at any moment in three dimensions, and where two moments differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any

import click

from engine.core.dimensions import MAX_DIFFERENCES, Difference, Dimensions, difference, moment
from engine.core.document import saga_from_document
from engine.core.errors import CommandRejected
from engine.core.events import Recorded
from engine.core.saga import Saga
from engine.core.templates import as_text
from engine.ports import Store
from storage.store import open_store
from ui.models.run_state import state_json
from ui.models.run_state_tables import (
    attempt_rows,
    checkpoint_rows,
    condition_rows,
    invariant_rows,
)
from ui.settings import Settings


def show_state(settings: Settings, run_id: str, *, at: int | None, other: int | None, as_json: bool) -> None:
    """Print a run's state right after event `at` (the last one unless said), or where it differs from `other`.

    Raises:
        CommandRejected: if there is no such run, or no such event.
    """
    with closing(open_store(settings.database)) as store:
        saga, history = _run_of(store, run_id)
    seq = len(history) if at is None else at
    if other is None:
        told = _moment(saga, history, run_id, seq)
        click.echo(state_json(told) if as_json else in_words(told))
        return
    earlier, later = sorted((seq, other))
    found = difference(*(_moment(saga, history, run_id, each) for each in (earlier, later)))
    click.echo(_as_json(found, earlier, later) if as_json else _told(found, earlier, later))


def _run_of(store: Store, run_id: str) -> tuple[Saga, Sequence[Recorded]]:
    row = store.row(run_id)
    version = store.version(row.saga_hash) if row else None
    if version is None:
        raise CommandRejected(f"there is no run '{run_id}'; `saga runs` lists them")
    return saga_from_document(version.document), store.history(run_id)


def _moment(saga: Saga, history: Sequence[Recorded], run_id: str, seq: int) -> Dimensions:
    try:
        return moment(saga, history, seq)
    except ValueError as error:
        raise CommandRejected(f"run '{run_id}': {error}") from error


def in_words(state: Dimensions) -> str:
    """Return a moment as people read it: S_A whole, of the steps a line for each try and condition."""
    run, application = state["run"], state["application"]
    titles = {name: name for name in state["operation"]}
    tries = [{"Step": name, **row} for name, told in state["operation"].items() for row in attempt_rows(told)]
    return "\n".join(
        [
            f"{run['id']} after event {run['seq']}, {run['at']}: {run['status']}",
            "\nApplication (S_A)",
            *(f"  {key} = {as_text(value)}" for key, value in application["entities"].items()),
            *_lines(invariant_rows(application)),
            *_lines(checkpoint_rows(application, titles)),
            "\nOperations (S_O)",
            *_lines(tries),
            "\nDependencies (S_D)",
            *_lines(condition_rows(state["dependency"], titles)),
        ]
    )


def _lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return rows as a table in monospaced letters, without the columns in which nothing stands."""
    names = [name for name in (rows[0] if rows else ()) if any(row[name] != "" for row in rows)]
    widths = {name: max(len(name), *(len(str(row[name])) for row in rows)) for name in names}
    head = {name: name for name in names}
    return [
        "  " + "  ".join(f"{row[name]!s:{widths[name]}}" for name in names).rstrip()
        for row in (head, *rows)
        if names
    ]


def _told(found: Sequence[Difference], earlier: int, later: int) -> str:
    lines = [
        f"  {each.path}\n    - {each.before or 'nothing'}\n    + {each.after or 'nothing'}" for each in found
    ]
    more = " (the first ones)" if len(found) == MAX_DIFFERENCES else ""
    return "\n".join([f"{len(found)} differences between event {earlier} and event {later}{more}", *lines])


def _as_json(found: Sequence[Difference], earlier: int, later: int) -> str:
    told = {"from": earlier, "to": later, "differences": [asdict(each) for each in found]}
    return json.dumps(told, indent=2, ensure_ascii=False)
