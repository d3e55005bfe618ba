"""What is learnt about a run after the fact: answers that come late, and a last look after the end (R25, R38)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from engine.core.attempts import probe_request
from engine.core.audit import difference, expected
from engine.core.commands import Report
from engine.core.errors import ExpressionError, SagaError
from engine.core.events import AttemptEnded, Recorded
from engine.core.late import incident_of
from engine.core.probes import probe_landed
from engine.core.results import TOLD
from engine.core.run import Run, StepState
from engine.core.saga import effect_of
from engine.core.scope import key_of
from engine.ports import Call, Clock, Incident, Json, Outcome, Performer, Posted, Store
from engine.runtime.performed import performed

log = logging.getLogger(__name__)


def late_reports(run: Run, refused: Iterable[Recorded]) -> list[Report]:
    """Return what the one who drives the run now should hear of results that came after it was taken over."""
    found = []
    for recorded in refused:
        event = recorded.event
        if (
            not isinstance(event, AttemptEnded)
            or event.outcome != "ok"
            or event.phase not in {"forward", "undo"}
        ):
            continue
        if event.phase == "undo" or effect_of(run.steps[event.step].definition) != "readonly":
            found.append(Report(by="engine", **{name: getattr(event, name) for name in TOLD}))
    return found


class Aftermath:
    """Hands late answers to whoever drives a run, and looks at the world once more after the end.

    Args:
        load: folds a run from the store.
    """

    def __init__(
        self,
        store: Store,
        performers: Mapping[str, Performer],
        clock: Clock,
        load: Callable[[str], Run | None],
    ) -> None:
        self._store = store
        self._performers = performers
        self._clock = clock
        self._load = load
        self._telling: set[asyncio.Task[None]] = set()

    def pass_on(self, run_id: str, report: Report) -> None:
        """Let the run's driver hear of a late answer, in the background; to be called on a loop."""
        task = asyncio.get_running_loop().create_task(asyncio.to_thread(self._tell, run_id, report))
        self._telling.add(task)
        task.add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a late answer could not be passed on: %s", task.exception())

    def _tell(self, run_id: str, report: Report) -> None:
        """Leave a late answer for the run's driver; where the run has ended, see whether it is an incident."""
        row = self._store.row(run_id)
        if row is None:
            return
        if row.ended_at is not None:
            self.after_the_end(run_id, report)
            return
        name = f"late:{run_id}:{report.step}:{report.phase}:{report.attempt}"
        self._store.post([Posted(id=name, run_id=run_id, command=report)])

    def after_the_end(self, run_id: str, report: Report) -> None:
        """Open an incident if an answer means that something landed that nobody undoes any more."""
        run = self._load(run_id)
        what = incident_of(run, report) if run is not None and run.is_closed else ""
        if what:
            name = f"{run_id}:{report.step}:late{report.attempt}"
            self._open(run_id, name, report.step, what, {"answer": report.output})

    async def look(self) -> None:
        """Look at the world of the runs for which it is time, once; a difference opens an incident (R38)."""
        for run_id in await asyncio.to_thread(self._store.audits, self._clock.now()):
            try:
                run = await asyncio.to_thread(self._load, run_id)
            except SagaError as error:  # one run that can't be read must not keep the others from their look
                log.warning("run %s can't be looked at once more: %s", run_id, error)
                run = None
            if run is not None:
                for name, should in expected(run).items():
                    await self._look_at(run, run.steps[name], should=should)
            await asyncio.to_thread(self._store.audited, run_id)

    async def _look_at(self, run: Run, step: StepState, *, should: bool) -> None:
        outcome = await self._probe(run, step)
        if outcome is None or outcome.outcome != "ok":
            return
        try:
            found = probe_landed(run, step, empty=outcome.empty, output=outcome.output)
        except ExpressionError:
            return
        what = difference(step, should=should, found=found)
        if what:
            name = f"{run.id}:{step.id}:audit"
            await asyncio.to_thread(self._open, run.id, name, step.id, what, {"probe": outcome.output})

    async def _probe(self, run: Run, step: StepState) -> Outcome | None:
        probe = step.definition.probe
        assert probe is not None
        performer = self._performers.get(probe.kind)
        try:
            call = Call(
                run_id=run.id, step=step.definition, phase="probe", kind=probe.kind, attempt=len(step.probes) + 1,
                key=key_of(run, step), request=probe_request(run, step), timeout_s=probe.timeout_s,
                step_id=step.id,
            )  # fmt: skip
            async with asyncio.timeout(probe.timeout_s):
                return None if performer is None else await performed(performer, call)
        except Exception as error:  # noqa: BLE001 - a look that fails proves nothing and harms nothing
            log.info("run %s: no look at '%s' after the end: %s", run.id, step.id, error)
            return None

    def _open(self, run_id: str, name: str, step: str, what: str, evidence: dict[str, Json]) -> None:
        log.warning("run %s: %s", run_id, what)
        self._store.open_incident(
            Incident(id=name, run_id=run_id, step=step, at=self._clock.now(), what=what, evidence=evidence)
        )
