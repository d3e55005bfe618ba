"""Planning the rest of a run anew: what has begun is immutable, all else may change (R27)."""

from __future__ import annotations

from datetime import datetime

from engine.core import commands as c
from engine.core import events as e
from engine.core.affected import amendment, amendment_problems
from engine.core.checks import publish_problems
from engine.core.document import saga_from_document
from engine.core.errors import CommandRejected, DefinitionInvalid
from engine.core.run import Run
from engine.core.saga import Saga
from engine.core.schedule import replans

SHOWN = 5


def amend(run: Run, command: c.Amend, _now: datetime) -> list[e.Event]:
    """Take a new plan for the rest of a run, after checking it as any version and against the past."""
    if run.fault is not None or run.direction == "undo":
        raise CommandRejected("the run is going back; amend it when it goes forward again")
    if not command.reason.strip():
        raise CommandRejected("say why the plan changes; it is kept with the run")
    proposed = _checked(command)
    problems = amendment_problems(run, proposed)
    if problems:
        raise CommandRejected(_listed("the past can't be changed", problems))
    what = amendment(run, proposed)
    if proposed.canonical == run.saga.canonical and replans(run):
        return [e.PlanKept(reason=command.reason, by=command.by)]  # a person is content with what there is
    if proposed.canonical == run.saga.canonical:
        raise CommandRejected("this is the plan that the run has; nothing would change")
    return [
        e.PlanAmended(
            document=proposed.document(), added=what["added"], changed=what["changed"], removed=what["removed"],
            reason=command.reason, by=command.by,
        )
    ]  # fmt: skip


def _checked(command: c.Amend) -> Saga:
    try:
        proposed = saga_from_document(command.document)
    except DefinitionInvalid as invalid:
        raise CommandRejected(_listed("the plan is no saga", [str(p) for p in invalid.problems])) from None
    errors = [str(problem) for problem in publish_problems(proposed) if problem.severity == "error"]
    if errors:
        raise CommandRejected(_listed("the plan can't be run", errors))
    return proposed


def _listed(what: str, problems: list[str]) -> str:
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return f"{what}: {'; '.join(problems[:SHOWN])}{more}"
