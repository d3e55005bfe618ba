"""Who drives a run: heartbeats, orphans, claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from sqlalchemy import delete, insert, or_, select, update

from engine.core.run import CLOSED, RunStatus
from engine.ports import Driver
from storage.part import Part
from storage.tables import driver as driver_table
from storage.tables import run

IS_OPEN = run.c.status.in_(sorted(set(get_args(RunStatus)) - CLOSED))
"""Named one by one, so that the index serves."""


class Driving(Part):
    """Drivers and the runs that they have."""

    def orphans(self, alive: Sequence[str]) -> list[str]:
        """Return the open runs that none of these drivers drives, oldest first."""
        wanted = (
            select(run.c.id).where(IS_OPEN, run.c.driver.not_in(alive)).order_by(run.c.started_at, run.c.id)
        )
        with self._database.reading() as connection:
            return list(connection.execute(wanted).scalars())

    def claim(self, run_id: str, driver: str, alive: Sequence[str]) -> bool:
        """Make `driver` drive an open run, unless another one of `alive` does; return whether it does now."""
        free = or_(run.c.driver == driver, run.c.driver.not_in(alive))
        taken = update(run).where(run.c.id == run_id, IS_OPEN, free).values(driver=driver)
        with self._database.writing() as connection:
            return connection.execute(taken).rowcount == 1

    def driver_of(self, run_id: str) -> str | None:
        """Return who drives a run, or None for an unknown one."""
        with self._database.reading() as connection:
            return connection.execute(select(run.c.driver).where(run.c.id == run_id)).scalar_one_or_none()

    def beat(self, driver: Driver) -> None:
        """Say that a driver is alive."""
        values = driver.model_dump()
        known = update(driver_table).where(driver_table.c.id == driver.id).values(values)
        with self._database.writing() as connection:
            if connection.execute(known).rowcount == 0:
                connection.execute(insert(driver_table).values(values))

    def drivers(self) -> list[Driver]:
        """Return every driver that has not left, by id."""
        with self._database.reading() as connection:
            found = connection.execute(select(driver_table).order_by(driver_table.c.id)).mappings().all()
        return [Driver.model_validate(dict(row)) for row in found]

    def leave(self, driver_id: str) -> None:
        """Forget a driver that stops in good order."""
        with self._database.writing() as connection:
            connection.execute(delete(driver_table).where(driver_table.c.id == driver_id))
