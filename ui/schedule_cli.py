"""`saga schedule` and `saga clock`: a timetable made a saga, and the virtual clock of a run set.

Exit codes of `schedule`: 0 a saga was written, 1 there is no plan, 2 bad files.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from engine.core.commands import AnyCommand, ReviseActivity, SetClock
from engine.core.document import saga_from_document, to_yaml
from engine.core.errors import CommandRejected
from engine.planning.case import Case, case_of
from engine.planning.cases import Question
from engine.planning.load import load_problem
from engine.planning.plan import Row
from engine.planning.proposals import cp_sat
from engine.planning.sagas import SPEED, planning_saga, saga_of_plan
from ui.cli_errors import says_errors
from ui.plans import VIOLATED, assume, assumptions
from ui.plans_solve import plan_under_way, planned_from, standing_at, tell_why_none, told_by_case
from ui.settings import read_settings


@click.command("schedule")
@click.argument("problem_source", metavar="PROBLEM")
@click.option(
    "--plans", type=click.Path(path_type=Path), help="Take the plan of this file as it is; with --id."
)
@click.option(
    "--base", type=click.Path(path_type=Path), help="Plan the rest of the plan of this file; with --id."
)
@click.option("--id", "plan_id", metavar="ID", help="Which plan of the file.")
@click.option("--now", "now_text", metavar="HH:MM", help="With --base: from when on to plan.")
@click.option("--live", is_flag=True, help="Let the run plan: the solver, and anew after each change.")
@click.option(
    "--speed", default=SPEED, show_default=True, type=click.FloatRange(0, 100_000), help="Minutes a second."
)
@click.option(
    "--limit", default=60.0, show_default=True, type=click.FloatRange(0.1, 3600), help="Seconds to solve."
)
@click.option("--out", type=click.Path(path_type=Path), help="The file to write; printed unless said.")
@assume
@says_errors
def schedule(
    problem_source: str, *, plans: Path | None, base: Path | None, plan_id: str | None, now_text: str | None,
    live: bool, speed: float, limit: float, out: Path | None, assumed: tuple[str, ...],
) -> None:  # fmt: skip
    """Make a timetable a saga that runs on a virtual clock, one step per row.

    PROBLEM is a realm-problem/1 file, the name of a problem that ships, or a job shop in Taillard's form. The plan is
    the solver's (extra `planner`), unless --plans gives one. Where the answer depends on what nobody has told,
    each case is told instead, and the exit code is 1.

    \b
    Example:
      saga schedule P5 --out wedding.yaml && saga run wedding.yaml
      saga schedule P5 --plans plans.yaml --id mine --out mine.yaml
      saga schedule P8 --base plans.yaml --id P5_solved --now 13:00
      saga schedule P9 --live
    """
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise CommandRejected(
            f"{out} can't be written: {'it is a folder' if out.is_dir() else 'there is no such folder'}"
        )
    _refuse_together(live=live, plans=plans, base=base, plan_id=plan_id, now_text=now_text)
    problem, given = load_problem(problem_source, changed=not live), assumptions(assumed)
    case = case_of(problem, given)
    if live:
        document = planning_saga(
            case, problem.model_dump(mode="json", by_alias=True, exclude_unset=True), speed
        )
    else:
        rows = _given(plans, plan_id) if plans is not None else _solved(case, base, plan_id, now_text, limit)
        document = saga_of_plan(case, rows, speed)
    saga = saga_from_document(document)
    text = to_yaml(document)
    if out is None:
        click.echo(text, nl=False)
    else:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandRejected(f"{out} can't be written: {error.strerror}") from None
        click.secho(f"✓ {out}: {len(saga.steps)} steps; saga run {out}", fg="green", err=True)


def _refuse_together(
    *, live: bool, plans: Path | None, base: Path | None, plan_id: str | None, now_text: str | None
) -> None:
    """Refuse options of which one would have to be left out.

    Raises:
        CommandRejected: naming them.
    """
    given = [
        name
        for name, value in (("--plans", plans), ("--base", base), ("--id", plan_id), ("--now", now_text))
        if value is not None
    ]
    if live and given:
        raise CommandRejected(f"with --live the run plans by itself, from its start; leave {given[0]} out")
    if plans is not None and {"--base", "--now"} & {*given}:
        raise CommandRejected(
            "--plans gives the plan as it is, --base and --now have the rest of one planned; give one of the two"
        )


def _given(plans: Path, plan_id: str | None) -> tuple[Row, ...]:
    found = plan_under_way(plans, plan_id)
    assert found is not None
    return found.rows


def _solved(
    case: Case, base: Path | None, plan_id: str | None, now_text: str | None, limit: float
) -> tuple[Row, ...]:
    under_way, now = plan_under_way(base, plan_id), planned_from(case, now_text)
    planner = cp_sat()
    if under_way is None and now is not None and told_by_case(Question(case, planner, now, None, limit)):
        sys.exit(VIOLATED)
    solution = planner.solve(case, None, standing_at(case, under_way, now), limit)
    if not solution.rows:
        tell_why_none(case, solution)
        sys.exit(VIOLATED)
    return solution.rows


@click.command("clock")
@click.argument("run_id", metavar="RUN")
@click.option(
    "--speed", type=click.FloatRange(0, 100_000), help="Virtual minutes in a second; 0 stands still."
)
@click.option("--jump", is_flag=True, help="Let the next thing happen now.")
@click.option("--ends", metavar="STEP=HH:MM", help="When an activity under way really ends; with --reason.")
@click.option("--reason", default="", help="Why; kept with the run.")
@says_errors
def clock(run_id: str, *, speed: float | None, jump: bool, ends: str | None, reason: str) -> None:
    """Set the virtual clock of a run: its speed, on to what happens next, or the real end of an activity.

    \b
    Example:
      saga clock r-0198c2f4d51a2b3c --speed 60
      saga clock r-0198c2f4d51a2b3c --ends drive_pat_t=13:20 --reason "past the accident"
    """
    from ui.terminal import tell

    if ends is not None and (speed is not None or jump):
        raise CommandRejected(
            "--ends revises an activity, --speed and --jump set the clock; give one of the two"
        )
    settings = read_settings()
    command: AnyCommand
    if ends is not None:
        step, found, until = ends.partition("=")
        if not found:
            raise CommandRejected(f"--ends '{ends}' has no time; write STEP=HH:MM")
        command = ReviseActivity(by=settings.user, step=step, until=_moment(until), reason=reason)
    else:
        command = SetClock(by=settings.user, speed=speed, jump=jump)
    sys.exit(tell(settings, run_id, command, "the clock is set"))


def _moment(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
