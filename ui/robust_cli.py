"""`saga robust`: which of several timetables survives which disruption, in a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from engine.core.errors import CommandRejected
from engine.planning.case import case_of
from engine.planning.load import load_plans, load_problem
from engine.planning.plan import Plan
from engine.planning.planner import Objective, as_document
from engine.planning.problem import Problem
from engine.planning.proposals import cp_sat
from engine.planning.robustness import Trial, robustness, what_ifs
from ui.cli_errors import says_errors
from ui.plans import assume, assumptions

OBJECTIVES: tuple[Objective, ...] = ("earliest", "driving")


@click.command("robust")
@click.argument("problem_source", metavar="PROBLEM")
@click.argument("plans_file", metavar="[PLANS]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--with", "others", multiple=True, metavar="PROBLEM", help="Try the disruptions of this problem, too."
)
@assume
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@says_errors
def robust(
    problem_source: str,
    plans_file: Path | None,
    others: tuple[str, ...],
    assumed: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Try several timetables under disruptions: which one survives what, with how many minutes left.

    PROBLEM is a realm-problem/1 file or the name of a problem that ships, PLANS a realm-plans/1 file; without it, the
    solver's plans are tried, one for each objective (extra `planner`). A plan is pushed along by what changes, not
    planned anew.

    \b
    Example:
      saga robust P5 --with P8
      saga robust P5 my-plans.yaml --json
    """
    problem, given = load_problem(problem_source), assumptions(assumed)
    plans = _plans(problem, plans_file, given)
    changes = list(what_ifs(case_of(problem, given)))
    for other in others:
        changes = [*load_problem(other).disruptions, *changes]
    trials = robustness(problem, plans, changes, given)
    if as_json:
        click.echo(json.dumps([vars(trial) for trial in trials], indent=2, ensure_ascii=False))
    else:
        _tell([plan.id for plan in plans], trials)


def _plans(problem: Problem, file: Path | None, given: dict[str, str]) -> list[Plan]:
    if file is not None:
        found = [
            plan for plan in load_plans(file).plans if plan.problem in {None, problem.id} and plan.now is None
        ]
        if not found:
            raise CommandRejected(f"{file} has no plan for {problem.id} from its beginning on")
        return found
    objectives: tuple[Any, ...] = (None,) if problem.is_shop or problem.travel_km else OBJECTIVES
    solved = [(goal, cp_sat().solve(case_of(problem, given), goal)) for goal in objectives]
    found = [
        Plan.model_validate(as_document(problem.id, one) | {"id": f"solver, {one.objective}"})
        for _, one in solved
        if one.rows
    ]
    if not found:
        raise CommandRejected(f"there is no plan for {problem.id}; `saga solve-plan {problem.id}` says why")
    return found


def _tell(names: list[str], trials: list[Trial]) -> None:
    width = max(len(trial.disruption) for trial in trials)
    click.echo(" " * width + "  " + "  ".join(names))
    for disruption in dict.fromkeys(trial.disruption for trial in trials):
        click.echo(f"{disruption:{width}}", nl=False)
        for name in names:
            trial = next(one for one in trials if (one.plan, one.disruption) == (name, disruption))
            click.secho(f"  {words(trial):{len(name)}}", fg="green" if trial.survives else "red", nl=False)
        click.echo()
    for name in names:
        kept = [trial.survives for trial in trials if trial.plan == name]
        click.echo(f"{name}: survives {sum(kept)} of {len(kept)}")


def words(trial: Trial) -> str:
    """Return a trial in a few words: a mark, and the minutes left."""
    left = "" if trial.slack is None else f" {trial.slack:g} min"
    return f"{'✓' if trial.survives else '✗'}{left}"
