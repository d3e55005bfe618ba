"""`saga solve-plan`: the best timetable, the slack of each activity, or a proof that there is none."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from engine.core.document import to_yaml
from engine.core.errors import CommandRejected
from engine.planning.case import Case, case_of
from engine.planning.cases import NOT_IN_TIME, CaseAnswer, Question, answer, moment_of, open_cases
from engine.planning.checker import check
from engine.planning.cpsat import CpSatPlanner
from engine.planning.load import load_plans, load_problem
from engine.planning.plan import Plan
from engine.planning.planner import OBJECTIVES, Solution, Standing, as_document
from engine.planning.slack import slack_of
from engine.planning.standing import standing_of
from engine.planning.times import read_time, write_time
from ui.cli_errors import says_errors
from ui.plans import VIOLATED, assume, assumptions

SCHEMA = "realm-plans/1"
TIMES = ("start", "end")


@click.command("solve-plan")
@click.argument("problem_source", metavar="PROBLEM")
@click.option(
    "--objective", type=click.Choice(OBJECTIVES), help="What to minimise; the problem's own unless said."
)
@click.option(
    "--base", type=click.Path(path_type=Path), help="The file of the plan under way; with --id and --now."
)
@click.option("--id", "plan_id", metavar="ID", help="Which plan of --base is under way.")
@click.option("--now", "now_text", metavar="HH:MM", help="From when on to plan; what was begun before stays.")
@click.option(
    "--limit",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0.1, 3600),
    help="Seconds, for all that is solved.",
)
@assume
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@says_errors
def solve_plan(
    problem_source: str, *, objective: Any, base: Path | None, plan_id: str | None, now_text: str | None,
    limit: float, assumed: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Solve a timetable: print the best plan, or the constraints that can't all hold.

    PROBLEM is a realm-problem/1 file, the name of a problem that ships, or a job shop in Taillard's form. What
    is printed is a realm-plans/1 file that check-plan accepts, with figures and the slack of each activity.
    Where the answer depends on what nobody has told, it is given for each case. The exit code is 0 if there is
    a plan, 1 if there is none (or not in every case), 2 if a file is bad. Needs the extra `planner`.

    \b
    Example:
      saga solve-plan P5 > plans.yaml && saga check-plan P5 plans.yaml
      saga solve-plan P5 --objective driving --assume service_minutes=5
      saga solve-plan P8 --base plans.yaml --id P5_solved
    """
    problem, given = load_problem(problem_source), assumptions(assumed)
    case, planner = case_of(problem, given), CpSatPlanner()
    under_way, now = plan_under_way(base, plan_id), planned_from(case, now_text)
    if under_way is None and now is not None:
        answers = told_by_case(Question(case, planner, now, objective, limit), as_json=as_json)
        if answers:
            sys.exit(0 if all(one.possible and one.until is None for one in answers) else VIOLATED)
    standing = standing_at(case, under_way, now)
    solution = planner.solve(case, objective, standing, limit)
    more: dict[str, Any] = {"now": now} if standing is not None else {}
    document = _document(case, solution, given, more)
    click.echo(
        json.dumps(document, indent=2, ensure_ascii=False) if as_json else to_yaml(document), nl=as_json
    )
    if not as_json:
        _tell(case, solution)
    sys.exit(0 if solution.rows else VIOLATED)


def told_by_case(question: Question, *, as_json: bool = False) -> list[CaseAnswer]:
    """Print what each case comes to where the answer depends on what nobody has told; return the answers, if any."""
    states = open_cases(question.case, question.now)
    answers = [answer(question, car, state) for car, state in states]
    if answers:
        print_cases(question.case, question.now, answers, as_json=as_json)
    return answers


def plan_under_way(base: Path | None, plan_id: str | None) -> Plan | None:
    """Return the plan of a file that is under way; None where no file is given.

    Raises:
        CommandRejected: if it is not clear which one.
    """
    if base is None:
        if plan_id is not None:
            raise CommandRejected("--id names a plan of a file; give the file with --base")
        return None
    plans = load_plans(base).plans
    found = [plan for plan in plans if plan_id in {None, plan.id}]
    if len(found) != 1:
        raise CommandRejected(f"give --id with one of {', '.join(plan.id for plan in plans)}")
    return found[0]


def planned_from(case: Case, text: str | None) -> float | None:
    """Return from when on to plan: as said, or when a problem's change becomes known.

    Raises:
        CommandRejected: for a text that is no time.
    """
    if text is None:
        return moment_of(case)
    try:
        return float(read_time(text))
    except ValueError:
        raise CommandRejected(f"--now '{text}' is no time; write it as HH:MM") from None


def standing_at(case: Case, under_way: Plan | None, now: float | None) -> Standing | None:
    """Return how far the plan under way has come; None where all is ahead.

    Raises:
        CommandRejected: if nobody says from when on to plan.
    """
    if now is None:
        if under_way is not None:
            raise CommandRejected("from when on is the plan under way to be planned anew? give --now HH:MM")
        return None
    return standing_of(case, under_way, now) if under_way is not None else Standing(now)


def _document(case: Case, solution: Solution, given: dict[str, str], more: dict[str, Any]) -> dict[str, Any]:
    """Return the answer as a `realm-plans/1` document: the plan, if there is one, and what is known of it."""
    plans: list[dict[str, Any]] = []
    if solution.rows:
        if given:
            more["assumptions"] = given
        entry = as_document(case.problem.id, solution, **more)
        plan = Plan.model_validate(entry)
        slack = slack_of(case.problem, plan, given)
        entry["verdict"] = check(case.problem, plan, given).verdict
        entry["rows"] = [_row(case, row, slack.get(row["n"])) for row in entry["rows"]]
        if "now" in entry:
            entry["now"] = _time(case, entry["now"])
        plans.append(entry)
    answer_: dict[str, Any] = {
        "status": solution.status, "objective": solution.objective, "figures": _figures(case, solution),
        "assumptions": {one.name: _shown(case, one.name, one.value) for one in case.assumptions.values()},
    }  # fmt: skip
    if solution.bound is not None:
        answer_["bound"] = solution.bound
    if solution.conflict:
        answer_["conflict"] = [one.model_dump() for one in solution.conflict]
    return {"schema": SCHEMA, "solution": answer_, "plans": plans}


def _row(case: Case, row: dict[str, Any], slack: float | None) -> dict[str, Any]:
    told = {key: _time(case, value) if key in TIMES else value for key, value in row.items()}
    told = {key: list(value) if isinstance(value, tuple) else value for key, value in told.items()}
    return told if slack is None else {**told, "slack": _number(slack)}


def _time(case: Case, value: float) -> str | int | float:
    return write_time(value, clock=case.problem.has_clock)


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else round(value, 2)


def _figures(case: Case, solution: Solution) -> dict[str, Any]:
    return {
        name: _time(case, value) if name == "all_done" else _number(value)
        for name, value in solution.figures.items()
    }


def _shown(case: Case, name: str, value: Any) -> Any:
    is_time = name in {"day_start", "alert_end"} and isinstance(value, int | float)
    return _time(case, value) if is_time else value


def _tell(case: Case, solution: Solution) -> None:
    """Say on the error stream how it went, so that the plan can go into a file."""
    if solution.rows:
        figures = ", ".join(f"{name} {value}" for name, value in _figures(case, solution).items())
        click.secho(f"✓ {solution.status}: {figures}", fg="green", err=True)
    else:
        tell_why_none(case, solution)


def tell_why_none(case: Case, solution: Solution) -> None:
    """Say on the error stream why there is no plan: a proof, with what can't all hold, or too little time."""
    if solution.status != "infeasible":
        said = f"no plan for {case.problem.id} was found in time; give more with --limit"
    elif solution.conflict:
        said = f"there is no plan for {case.problem.id}: these can't all hold"
    else:
        said = f"there is no plan for {case.problem.id}, whatever constraint is left out: see its ways and places"
    click.secho(f"✗ {said}", fg="red", err=True)
    for one in solution.conflict:
        click.echo(f"  {one.name}: {one.text}", err=True)


def print_cases(case: Case, now: float, answers: list[CaseAnswer], *, as_json: bool) -> None:
    """Print what each case of what nobody has told comes to, and what to give for one answer."""
    moment = write_time(now)
    depends = [f"where every vehicle is at {moment}, and who is aboard"]
    if any(one.if_past_the_slow_part is not None for one in answers):
        depends.append(
            "whether a vehicle under way is past what slows it down (--assume accident_passed=yes)"
        )
    if as_json:
        solution = {
            "status": "depends", "depends_on": depends, "cases": [one.model_dump() for one in answers]
        }  # fmt: skip
        click.echo(
            json.dumps({"schema": SCHEMA, "solution": solution, "plans": []}, indent=2, ensure_ascii=False)
        )
        return
    click.secho(f"? {case.problem.id} depends on {' and on '.join(depends)}:", fg="yellow")
    for one in answers:
        click.secho(
            f"  {'✓' if one.possible else '✗'} {one.when}: {_outcome(one)}",
            fg="green" if one.possible else "red",
        )
    click.echo("Give the plan under way: saga solve-plan PROBLEM --base PLANS --id ID")


def _outcome(one: CaseAnswer) -> str:
    said = "not possible" if one.in_time else NOT_IN_TIME
    if one.possible:
        said = f"all done {' to '.join(one.all_done)}" + (f", if left by {one.until}" if one.until else "")
    if one.if_past_the_slow_part is not None:
        said += f"; past the slow part: {one.if_past_the_slow_part}"
    return said
