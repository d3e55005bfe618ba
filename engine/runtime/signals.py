"""Which open runs a signal with a correlation key is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from engine.core.errors import SagaError
from engine.core.run import Run
from engine.core.saga import Saga
from engine.core.signals import hears, signals_of
from engine.ports import RunFilter, RunRow, Store, Unavailable

PAGE = 200


def listeners(
    store: Store, saga: Callable[[str], Saga], load: Callable[[str], Run | None], name: str, key: str
) -> list[str]:
    """Return the open runs in which a step waits, or will wait, for a signal with just this key; oldest first.

    Only runs of sagas that know such a signal are folded, and those whose plan was amended: what they wait for stands
    in their log alone (R27). A run that can't be read is left out.

    Raises:
        Unavailable: if the database can't be used now.
    """

    @cache
    def knows(digest: str) -> bool:
        return name in signals_of(saga(digest))

    found = []
    for row in _open_runs(store):
        try:
            run = load(row.id) if row.amended or knows(row.saga_hash) else None
        except Unavailable:
            raise  # nobody may believe that there are no more
        except SagaError:
            continue
        if run is not None and not run.is_closed and hears(run, name, key):
            found.append(row.id)
    return found[::-1]


def _open_runs(store: Store) -> Iterator[RunRow]:
    where = RunFilter(statuses=("running", "draining", "repairing", "needs_attention"))
    while rows := store.rows(where, PAGE):
        yield from rows
        last = rows[-1]  # not how many there were: runs that end meanwhile would move the others up
        where = where.model_copy(update={"behind": (last.started_at, last.id)})
