"""`saga check-plan`: timetables checked in a terminal.

Exit codes: 0 every plan is valid, 1 violations, 2 bad files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from engine.core.errors import CommandRejected
from engine.planning.checker import check
from engine.planning.finding import Checked, Violation
from engine.planning.load import load_plans, load_problem
from engine.planning.plan import Plan, Plans
from engine.planning.problem import Problem
from ui.cli_errors import says_errors

VIOLATED = 1
CODE_WIDTH = 21


assume = click.option(
    "--assume", "assumed", multiple=True, metavar="KEY=VALUE",
    help="What the source leaves open, such as service_minutes=10; may be repeated.",
)  # fmt: skip


@click.command("check-plan")
@click.argument("problem_source", metavar="PROBLEM")
@click.argument("plans_file", metavar="PLANS", type=click.Path(path_type=Path))
@click.option("--id", "plan_id", metavar="ID", help="Only this plan.")
@assume
@click.option("--json", "as_json", is_flag=True, help="As JSON: id, verdict and violations of each plan.")
@says_errors
def check_plan(
    problem_source: str, plans_file: Path, plan_id: str | None, assumed: tuple[str, ...], *, as_json: bool
) -> None:
    """Check timetables: say everything that violates the problem, as the plans are written.

    PROBLEM is a realm-problem/1 file, the name of a problem that ships, or a folder of problem files, each
    plan then checked against its own. PLANS is a realm-plans/1 file. The exit code is 0 if every plan is
    valid, 1 if one is not, 2 if a file is bad.

    \b
    Example:
      saga check-plan P5 my-plans.yaml
      saga check-plan P5.yaml my-plans.yaml --id first_try --assume service_minutes=10 --json
    """
    plans, given = load_plans(plans_file), assumptions(assumed)
    checked = [
        check(problem, plan, given, _base(plans, plan))
        for problem, plan in _chosen(problem_source, plans, plan_id)
    ]
    if as_json:
        click.echo(json.dumps([one.model_dump(mode="json") for one in checked], indent=2, ensure_ascii=False))
    else:
        for one in checked:
            _tell(one)
    sys.exit(VIOLATED if any(one.violations for one in checked) else 0)


def assumptions(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return what `--assume` sets.

    Raises:
        CommandRejected: for a text without `=`.
    """
    for pair in pairs:
        if "=" not in pair:
            raise CommandRejected(f"--assume '{pair}' has no value; write KEY=VALUE")
    return {key.strip(): value.strip() for key, _, value in (pair.partition("=") for pair in pairs)}


def _chosen(source: str, plans: Plans, plan_id: str | None) -> Iterator[tuple[Problem, Plan]]:
    """Yield the plans to check, each with its problem."""
    wanted = [plan for plan in plans.plans if plan_id in {None, plan.id}]
    if not wanted:
        listed = ", ".join(plan.id for plan in plans.plans) or "none"
        raise CommandRejected(f"there is no plan '{plan_id}' in the file; plans are {listed}")
    if Path(source).is_dir():
        for plan in wanted:
            yield load_problem(Path(source) / f"{plan.problem}.yaml"), plan
        return
    problem = load_problem(source)
    for plan in wanted:
        if plan.problem in {None, problem.id}:
            yield problem, plan
        elif plan_id is not None:
            raise CommandRejected(
                f"plan '{plan.id}' is for {plan.problem}, not for {problem.id}; give its problem"
            )
        else:
            click.echo(f"{plan.id} is for {plan.problem}: not checked", err=True)


def _base(plans: Plans, plan: Plan) -> Plan | None:
    """Return the plan that was under way when this one was made."""
    if plan.base is None:
        return None
    found = next((one for one in plans.plans if one.id == plan.base), None)
    if found is None:
        raise CommandRejected(
            f"plan '{plan.id}' names the base '{plan.base}', which is not in the file; add it"
        )
    return found


def _tell(checked: Checked) -> None:
    if not checked.violations:
        click.secho(f"✓ {checked.id}: valid", fg="green")
        return
    count = len(checked.violations)
    click.secho(f"✗ {checked.id}: {count} violation{'s' * (count > 1)}", fg="red")
    for one in checked.violations:
        click.echo(f"  {one.code:{CODE_WIDTH}} {_where(one)}must: {one.required}; the plan: {one.claimed}")


def _where(violation: Violation) -> str:
    rows = ", ".join(map(str, violation.rows))
    return f"row{'s' * (len(violation.rows) > 1)} {rows}: " if rows else ""
