"""The command line: the same engine without a browser.

Exit codes of what starts or moves a run: 0 completed, 3 compensated, 4 needs attention, 2 bad input, 1 crash.
Elsewhere 1 means that something was found, as that command's own help says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from engine.core.checks import publish_problems
from engine.core.document import json_schema, parse_saga
from engine.core.embed import embed
from engine.core.errors import CommandRejected, DefinitionInvalid
from engine.core.saga import Saga
from engine.ports import RunFilter
from engine.templates import examples, shipped, template, templates
from ui.cli_decide import amend, approve, deny, stale, verdict
from ui.cli_disrupt import disrupt, facts
from ui.cli_draft import draft
from ui.cli_errors import says_errors
from ui.cli_memory import forget, memory
from ui.cli_signal import signal
from ui.plans import check_plan
from ui.plans_solve import solve_plan
from ui.robust_cli import robust
from ui.schedule_cli import clock, schedule
from ui.settings import read_settings
from ui.simulate import command as simulate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="saga-studio")
def main() -> None:
    """Design, run and watch sagas: steps that check themselves and undo themselves.

    \b
    Example:
      saga serve                             the app, at http://localhost:8501
      saga run trip-to-germany --approve-all one run, here in the terminal
    """


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the app; 8501 unless said.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Where everything is kept; .saga unless said."
)
@says_errors
def serve(port: int | None, data_dir: Path | None) -> None:
    """Serve the app with its engine and the practice world.

    \b
    Example:
      saga serve --port 8600 --data-dir ~/sagas
    """
    from ui.serve import serve as start

    read_settings()
    start(port, data_dir)


@main.command("templates")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_templates(*, as_json: bool) -> None:
    """List the sagas that ship.

    \b
    Example:
      saga templates
    """
    entries = (*templates(), *examples())
    if as_json:
        listed = [{"name": t.name, "title": t.saga.name, "when": t.when, "check": t.check} for t in entries]
        click.echo(json.dumps(listed, indent=2))
        return
    for entry in entries:
        click.secho(f"{entry.name}  ", bold=True, nl=False)
        click.echo(f"{entry.saga.name}, {len(entry.saga.steps)} steps\n    {entry.when}")


@main.command()
@click.argument("source")
@click.option(
    "--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="An input; JSON or plain text."
)
@click.option("--approve-all", is_flag=True, help="Say yes to every approval.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@says_errors
def run(source: str, inputs: tuple[str, ...], *, approve_all: bool, as_json: bool) -> None:
    """Run a saga (a FILE or the name of a template) to its end, and say how it ended.

    \b
    Example:
      saga run order-fulfilment -i sku=tent -i quantity=2 --json
    """
    from ui.terminal import run_to_end

    settings = read_settings()
    saga, values = load_saga(source), parse_inputs(inputs)
    sys.exit(run_to_end(settings, saga, values, approve_all=approve_all, as_json=as_json))


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@says_errors
def validate(file: Path) -> None:
    """Check a definition without running it.

    \b
    Example:
      saga validate my-saga.yaml
    """
    saga = embed(load_saga(str(file)), shipped)
    problems = publish_problems(saga)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise DefinitionInvalid(errors)
    for problem in problems:
        click.secho(f"! {problem.path}: {problem.problem} ({problem.remedy})", fg="yellow")
    click.secho(f"✓ {saga.saga}: {len(saga.steps)} steps, version {saga.hash[:12]}", fg="green")


@main.command()
@says_errors
def schema() -> None:
    """Print the JSON Schema of a definition, for editors.

    \b
    Example:
      saga schema > saga.schema.json
    """
    click.echo(json.dumps(json_schema(), indent=2))


@main.command()
@click.argument("run_id", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="The whole log as JSON.")
@says_errors
def show(run_id: str, *, as_json: bool) -> None:
    """Show a run: its steps, what went wrong, what was undone.

    \b
    Example:
      saga show r-0198c2f4d51a2b3c
    """
    from ui.terminal import show_run

    show_run(read_settings(), run_id, as_json=as_json)


@main.command()
@click.argument("run_id", metavar="RUN")
@click.option("--at", type=int, metavar="SEQ", help="Right after this event; the last one unless said.")
@click.option("--diff", "other", type=int, metavar="SEQ", help="Where it differs from after this event.")
@click.option("--json", "as_json", is_flag=True, help="All of it, as JSON.")
@says_errors
def state(run_id: str, at: int | None, other: int | None, *, as_json: bool) -> None:
    """Show a run at any moment: application state, operations, dependencies.

    \b
    Example:
      saga state r-0198c2f4d51a2b3c --at 12
      saga state r-0198c2f4d51a2b3c --at 20 --diff 12
    """
    from ui.state import show_state

    show_state(read_settings(), run_id, at=at, other=other, as_json=as_json)


@main.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--search", default="", help="Text in ids, inputs, outputs or errors.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@says_errors
def runs(limit: int, search: str, *, as_json: bool) -> None:
    """List runs, newest first.

    \b
    Example:
      saga runs --search Berlin
    """
    from ui.terminal import list_runs

    list_runs(read_settings(), RunFilter(text=search), limit, as_json=as_json)


@main.command()
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535))
@says_errors
def sandbox(port: int) -> None:
    """Serve the practice world alone; SAGA_SANDBOX_URL points an app to it.

    \b
    Example:
      saga sandbox --port 8765
    """
    from ui.terminal import serve_world

    serve_world(read_settings(), port)


@main.command()
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST")
@says_errors
def migrate(source: str, destination: str) -> None:
    """Move the whole history from one database to another, open runs included.

    SRC and DST are an SQLite file or a URL. DST must be empty, and no engine may be using SRC. What was
    copied is compared before it counts; afterwards SRC is closed, so that no run goes on in both.

    \b
    Example:
      saga migrate .saga/saga.db postgresql://saga@db.example/saga
    """
    from ui.terminal import move_history

    move_history(source, destination)


COMMANDS = (
    approve,
    deny,
    verdict,
    stale,
    amend,
    simulate,
    check_plan,
    solve_plan,
    draft,
    disrupt,
    facts,
    schedule,
    clock,
    robust,
    signal,
    memory,
    forget,
)
for command in COMMANDS:
    main.add_command(command)


def load_saga(source: str) -> Saga:
    """Return the saga of a file, or of the template of that name.

    Raises:
        DefinitionInvalid: with what is wrong in the file.
        CommandRejected: if there is neither.
    """
    path = Path(source)
    if path.is_file():
        return parse_saga(path.read_bytes())
    found = template(source)
    if found is not None:
        return found.saga
    names = ", ".join(entry.name for entry in (*templates(), *examples()))
    raise CommandRejected(f"'{source}' is neither a file nor a template; templates are {names}")


def parse_inputs(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return inputs from `name=value` texts; a value that is JSON is taken as that, all else as text.

    Raises:
        CommandRejected: for a text without `=`.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, found, text = pair.partition("=")
        if not found:
            raise CommandRejected(f"--input '{pair}' has no value; write NAME=VALUE")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values
