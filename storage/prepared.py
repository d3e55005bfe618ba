"""Statements compiled once and run by the driver itself: the log's hot path, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Dialect, Insert, Select, Update
from sqlalchemy.engine.interfaces import DBAPICursor as Cursor

Values = tuple[Any, ...]


class Prepared:
    """A statement for rows of values in the order of `names`, as the driver takes them: no datetimes.

    SQLAlchemy's own way costs several times as much, for conversions that are not needed here.
    """

    def __init__(
        self, statement: Select[Any] | Insert | Update, names: Sequence[str], dialect: Dialect
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        self._sql = str(compiled)
        self._names = tuple(names)
        self._by_name = not compiled.positional
        self._ordered: Callable[[Values], Values] | None = None
        if list(names) != compiled.positiontup and compiled.positional:
            self._ordered = itemgetter(*(self._names.index(name) for name in compiled.positiontup or ()))

    def run(self, cursor: Cursor, rows: Sequence[Values]) -> None:
        """Run it for every row, which must not be none."""
        parameters: Sequence[Any] = rows
        if self._by_name:
            parameters = [dict(zip(self._names, row, strict=True)) for row in rows]
        elif self._ordered is not None:
            parameters = [self._ordered(row) for row in rows]
        if len(rows) == 1:
            cursor.execute(self._sql, parameters[0])
        else:
            cursor.executemany(self._sql, parameters)

    def fetch(self, cursor: Cursor, values: Values) -> Sequence[Any]:
        """Run it once and return the rows that it gives."""
        self.run(cursor, [values])
        return cursor.fetchall()
