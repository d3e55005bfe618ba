"""Commands for runs that another driver drives: what goes out, what comes in, and the answers to both.

Whatever waits goes in one write and is asked for in one read, so a thousand requests at once cost the database
hardly more than one does, and neither direction can keep the other from its turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from itertools import groupby
from uuid import uuid4

from engine.core.commands import AnyCommand, Report
from engine.core.errors import CommandRejected, SagaError
from engine.ports import Conflict, Posted, Store, Unavailable
from engine.runtime.after import Aftermath

log = logging.getLogger(__name__)

LOOK_S = 0.05
ANSWER_S = 15.0
SLOW_S = 0.5
"""How long the answers that are there wait for the others."""
STOP_ANSWER_S = 2.0
"""How long a stop waits for a database that is locked."""


class Mail:
    """What one driver posts and reads. Made and used on its loop only.

    Args:
        carry_out: applies what was posted; its facts are stored together with its answer (L29). It raises
            `Conflict` where that is another driver's to do.
    """

    def __init__(
        self,
        store: Store,
        driver: str,
        carry_out: Callable[[Posted], Awaitable[None]],
        after: Aftermath,
    ) -> None:
        self._store = store
        self._driver = driver
        self._carry_out = carry_out
        self._after = after
        self._leaving: list[Posted] = []
        self._asked: dict[str, asyncio.Future[str]] = {}
        self._carrier: asyncio.Task[None] | None = None
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._answers: dict[str, str] = {}

    async def send(self, run_id: str, command: AnyCommand) -> None:
        """Leave a command for the driver that has the run, and wait for its answer.

        Raises:
            CommandRejected: if it refuses, or does not answer.
            Unavailable: if the command could not be left.
        """
        posted = Posted(id=uuid4().hex, run_id=run_id, command=command)
        answer = self._asked[posted.id] = asyncio.get_running_loop().create_future()
        self._leaving.append(posted)
        if self._carrier is None or self._carrier.done():
            self._carrier = asyncio.get_running_loop().create_task(self._carry())
        try:
            error = await asyncio.wait_for(answer, ANSWER_S)
        except TimeoutError:
            raise CommandRejected(
                f"the engine that drives '{run_id}' does not answer; the request stays with it"
            ) from None
        finally:
            del self._asked[posted.id]
        if error:
            raise CommandRejected(error)

    async def read(self) -> None:
        """Apply what others posted, run by run in its order, and answer what no facts have answered."""
        inbox = await asyncio.to_thread(self._store.inbox, self._driver)
        new = [each for each in inbox if each.run_id not in self._busy and each.id not in self._answers]
        for run_id, some in groupby(
            sorted(new, key=_run_of), key=_run_of
        ):  # sorting keeps the order in a run
            self._busy[run_id] = asyncio.get_running_loop().create_task(self._apply(run_id, list(some)))
        if self._busy:
            await asyncio.wait(list(self._busy.values()), timeout=SLOW_S)
        await self._answer()

    async def stop(self) -> None:
        """Answer what was applied, leave the rest to whoever drives next, and let nobody wait for an answer."""
        for name in self._asked:
            self._tell(
                name, CommandRejected("this engine is stopping; the request stays with the one that drives")
            )
        tasks = [*self._busy.values(), *([self._carrier] if self._carrier else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await asyncio.wait_for(self._answer(), STOP_ANSWER_S)
        except Exception as error:  # noqa: BLE001 - what is under way must be stored whatever happens here
            log.warning("what was refused can't be answered now, so the next engine answers it: %r", error)

    async def _answer(self) -> None:
        done = dict(self._answers)
        if done:
            await asyncio.to_thread(self._store.answer, done)
        for name in done:
            del self._answers[name]

    async def _carry(self) -> None:
        """Post what leaves and look for answers, as long as somebody waits for one."""
        while self._asked:
            leaving, self._leaving = self._leaving, []
            if leaving:
                await self._leave(leaving)
            await asyncio.sleep(LOOK_S)
            try:
                answers = await asyncio.to_thread(self._store.answers, list(self._asked))
            except Unavailable:
                continue  # they are posted: the answers come with the database
            for name, error in answers.items():
                self._tell(name, error)

    async def _leave(self, leaving: Iterable[Posted]) -> None:
        try:
            await asyncio.to_thread(self._store.post, leaving)
        except Exception as error:  # noqa: BLE001 - who asked hears of it; the others go on
            for posted in leaving:
                self._tell(posted.id, error)

    def _tell(self, name: str, answer: str | Exception) -> None:
        future = self._asked.get(name)
        if future is None or future.done():
            return
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    async def _apply(self, run_id: str, batch: Iterable[Posted]) -> None:
        """Apply in order; at one that can't be applied now stop, so that it is tried again before what follows."""
        try:
            for posted in batch:
                self._answers[posted.id] = await self._answer_to(posted)
        except (Unavailable, Conflict):
            log.debug("what was posted for run %s waits, here or elsewhere", run_id, exc_info=True)
        finally:
            del self._busy[run_id]

    async def _answer_to(self, posted: Posted) -> str:
        try:
            return await self._refusal(posted)
        except (Unavailable, Conflict):
            raise
        except Exception as error:  # what one request breaks must not hold up those behind it
            log.exception("what was posted for run %s failed; it is not tried again", posted.run_id)
            return f"the command failed: {error}"

    async def _refusal(self, posted: Posted) -> str:
        """Carry out what was posted; return why it was refused, if it was."""
        try:
            await self._carry_out(posted)
        except (Unavailable, Conflict):
            raise
        except SagaError as refused:
            if isinstance(posted.command, Report):
                await asyncio.to_thread(self._after.after_the_end, posted.run_id, posted.command)
            return str(refused)
        return ""


def _run_of(posted: Posted) -> str:
    return posted.run_id
