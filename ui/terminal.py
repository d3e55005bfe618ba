"""What the commands do: runs in a terminal, in words, with an exit code."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import click

from engine.core.commands import AnyCommand, Decide, GiveVerdict, MarkStale, Signal
from engine.core.document import saga_from_document
from engine.core.errors import CommandRejected
from engine.core.events import RECORDED, spelled_out
from engine.core.evolve import evolve, replay
from engine.core.fact import fact_json
from engine.core.run import Run
from engine.core.saga import Saga
from engine.core.schedule import wake_at
from engine.memory import utc_now
from engine.ports import RunFilter, Store
from engine.sandbox.server import SandboxServer
from engine.sandbox.world import World
from storage.move import move
from storage.store import open_store
from ui.cli_errors import BAD_INPUT
from ui.compose import Studio
from ui.models.run_replan import plan_lines
from ui.models.run_words import has_clock, headline, row_headline
from ui.models.step_words import waits_for_verdict
from ui.settings import Settings
from ui.terminal_lines import event_line
from ui.terminal_steps import print_steps

POLL_S = 0.05
EXIT = {"completed": 0, "compensated": 3, "compensated_with_exceptions": 3, "abandoned": 4}
NEEDS_ATTENTION = 4
TABLES = {
    "event": "events",
    "run": "runs",
    "saga_version": "versions of sagas",
    "draft": "drafts",
    "posted": "posted commands",
    "lock": "locks",
    "incident": "incidents after the end",
    "verdict": "verdicts of validators",
    "verdict_day": "days of validators",
    "memory": "facts across runs",
}
COLOURS = {
    "completed": "green",
    "committed": "green",
    "compensated": "magenta",
    "empty": "magenta",
    "repairing": "blue",
    "failed": "red",
}


def run_to_end(
    settings: Settings, saga: Saga, values: dict[str, Any], *, approve_all: bool, as_json: bool
) -> int:
    """Run a saga, print how it goes, and return the exit code."""
    with Studio.open(settings, adopt=False) as studio:
        run_id = studio.engine.start_run(saga, values, settings.user)
        run = _follow(studio, run_id, approve_all=approve_all, quiet=as_json)
        if as_json:
            click.echo(json.dumps(summary(run), indent=2, ensure_ascii=False))
        else:
            _print_end(run)
        return _exit_code(run)


def decide(
    settings: Settings, run_id: str, step: str, decision: Literal["approved", "denied"], reason: str
) -> int:
    """Answer an approval; where no app drives the run, drive it on from here. Return the exit code."""
    groups = settings.groups_of(settings.user)
    command = Decide(by=settings.user, step=step, decision=decision, reason=reason, groups=groups)
    return tell(settings, run_id, command, f"{decision}: {step}")


def give_verdict(
    settings: Settings, run_id: str, step: str, decision: Literal["accept", "augment", "reject"], reason: str
) -> int:
    """Decide about an output in a validator's place, and go on like `decide`. Return the exit code."""
    command = GiveVerdict(by=settings.user, step=step, decision=decision, reason=reason)
    said = {"accept": "accepted", "augment": "accepted with what was proposed", "reject": "rejected"}
    return tell(settings, run_id, command, f"{said[decision]}: {step}")


def mark_stale(settings: Settings, run_id: str, steps: tuple[str, ...], reason: str) -> int:
    """Say that what some steps relied on has changed, and go on like `decide`. Return the exit code."""
    command = MarkStale(by=settings.user, steps=steps, reason=reason)
    return tell(settings, run_id, command, f"no longer up to date: {', '.join(steps)}")


def tell(settings: Settings, run_id: str, command: AnyCommand, said: str) -> int:
    """Send a command to a run, say that it was taken, and follow the run. Return the exit code."""
    with Studio.open(settings, adopt=False) as studio:
        before = studio.store.row(run_id)
        studio.engine.submit(run_id, command).result()
        click.echo(said)
        run = _follow(studio, run_id, approve_all=False, quiet=False, since=before.last_seq if before else 0)
        _print_end(run)
        return _exit_code(run)


def tell_all(settings: Settings, signal: Signal) -> int:
    """Bring a signal to every open run that waits for its key, and say how each went on; return the exit code.

    No app need drive them.

    Raises:
        CommandRejected: if none waits for it.
    """
    with Studio.open(settings, adopt=False) as studio:
        reached = studio.engine.signal(signal)
        for run_id, refused in reached.items():
            if refused:
                click.secho(f"✗ {run_id}: {refused}", fg="red")
            else:
                _print_end(_follow(studio, run_id, approve_all=False, quiet=True))
    if not reached:
        raise CommandRejected(f"no open run waits for '{signal.name}' with the key '{signal.key}'")
    return BAD_INPUT if any(reached.values()) else 0


def _exit_code(run: Run) -> int:
    return EXIT.get(run.status, NEEDS_ATTENTION)


def _follow(studio: Studio, run_id: str, *, approve_all: bool, quiet: bool, since: int = 0) -> Run:
    """Print events behind `since` as they come until the run has ended or only a person can move it; return the run."""
    row = studio.store.row(run_id)
    assert row is not None
    run = Run(studio.engine.saga(row.saga_hash))
    while True:
        for recorded in studio.store.history(run_id, after=run.seq):
            evolve(run, recorded)
            if not quiet and recorded.seq > since:
                for told in spelled_out([recorded]):
                    _print_event(run, told.event)
        asked = [step.id for step in run.steps.values() if step.status == "awaiting_approval"]
        waits = _only_people_can_go_on(run) or run_stands(run)
        if run.is_closed or (waits and not (asked and approve_all)):
            return run
        if approve_all:
            for step in asked:
                _approve(studio, run_id, step)
        time.sleep(POLL_S)


def _only_people_can_go_on(run: Run) -> bool:
    timed = any(step.due and step.status != "awaiting_approval" for step in run.steps.values())
    under_way = any(s.status == "waiting" and s.definition.kind == "activity" for s in run.steps.values())
    moving = timed or (under_way and not run.paused)
    asked = any(step.status == "awaiting_approval" for step in run.steps.values())
    listens = any(step.status == "waiting" and step.awaits is not None for step in run.steps.values())
    return (
        bool(run.attention or run.direction_asked or run.limit or asked or listens)
        and not run.open_calls
        and not moving
    )


def run_stands(run: Run) -> bool:
    """Return whether nothing moves in a run because it is paused, or because its virtual clock stands still."""
    if run.status != "running" or run.open_calls:
        return False
    return run.paused or (run.clock is not None and not run.clock.speed and wake_at(run) is None)


def _approve(studio: Studio, run_id: str, step: str) -> None:
    user = studio.settings.user
    command = Decide(
        by=user,
        step=step,
        decision="approved",
        reason="--approve-all",
        groups=studio.settings.groups_of(user),
    )
    try:
        studio.engine.submit(run_id, command).result()
    except CommandRejected as refused:
        raise CommandRejected(f"--approve-all: {refused}") from None


def _print_event(run: Run, event: Any) -> None:
    text = event_line(event, clock=has_clock(run))
    if text:
        mark, words, colour = text
        click.secho(f"{mark} {words}", fg=colour)


def _print_end(run: Run) -> None:
    stands = headline(run)
    click.secho(f"{run.id}: {stands.word}", fg=COLOURS.get(stands.status), bold=True)
    for step in run.steps.values():
        if step.status == "awaiting_approval":
            click.echo(f"  saga approve {run.id} {step.id}    or    saga deny {run.id} {step.id}")
        elif step.status == "waiting" and step.awaits is not None:
            click.echo(f"  saga signal {run.id} {step.awaits[0]} --json JSON")
        elif waits_for_verdict(run, step):
            click.echo(f"  saga verdict {run.id} {step.id} --accept (or --reject) --reason TEXT")
    if run_stands(run):
        print_how_to_go_on(run)
    if run.output:
        click.echo(json.dumps(run.output, indent=2, ensure_ascii=False))


def print_how_to_go_on(run: Run) -> None:
    """Say what lets a run go on in which nothing moves."""
    if run.paused:
        click.echo("  it is paused; Resume on its page lets it go on")
    else:
        click.echo("  its clock stands still; one of these lets it go on:")
        click.echo(f"  saga clock {run.id} --speed 5    or    saga clock {run.id} --jump")


def folded(store: Store, run_id: str) -> Run:
    """Return a run folded from the store.

    Raises:
        CommandRejected: if there is no such run.
    """
    row = store.row(run_id)
    version = store.version(row.saga_hash) if row else None
    if row is None or version is None:
        raise CommandRejected(f"there is no run '{run_id}'; `saga runs` lists them")
    return replay(saga_from_document(version.document), store.history(run_id))


def summary(run: Run) -> dict[str, Any]:
    """Return a run as JSON: how it stands, its steps, and what went wrong."""
    return {
        "id": run.id,
        "saga": run.saga.saga,
        "status": run.status,
        "input": run.input,
        "output": run.output,
        "app": run.app,
        "faults": [fact_json(fault) for fault in run.faults],
        "exceptions": run.exceptions,
        "cost_usd": run.cost_usd,
        "tokens": run.tokens,
        "repairs": run.repairs,
        "steps": {
            step.id: {
                "status": step.status,
                "epoch": step.epoch,
                "attempts": len(step.attempts),
                "undo_attempts": len(step.undos),
                "output": step.output,
                "reason": step.reason,
            }
            for step in run.steps.values()
        },
    }


@contextmanager
def _store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings.database)
    try:
        yield store
    finally:
        store.close()


def show_run(settings: Settings, run_id: str, *, as_json: bool) -> None:
    """Print a run; as JSON with its whole log."""
    with _store(settings) as store:
        run = folded(store, run_id)
        incidents = store.incidents(run_id, open_only=False)
        planned = plan_lines(store.history(run_id))
        if as_json:
            events = [RECORDED.dump_python(recorded, mode="json") for recorded in store.history(run_id)]
            found = [incident.model_dump(mode="json") for incident in incidents]
            shown = {**summary(run), "events": events, "incidents": found}
            click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
            return
    click.secho(f"{run.id}  {run.saga.name}  ", bold=True, nl=False)
    stands = headline(run)
    click.secho(stands.word, fg=COLOURS.get(stands.status))
    for fault in run.faults:
        click.secho(f"  went wrong: {fault.step or 'run'}: {fault.reason}", fg="red")
    for incident in incidents:
        closed = f" (closed by {incident.by}: {incident.reason})" if incident.closed_at else ""
        click.secho(f"  after the end: {incident.what}{closed}", fg="yellow")
    for said in planned:
        click.secho(f"  {said}", fg="blue")
    print_steps(run)


def list_runs(settings: Settings, where: RunFilter, limit: int, *, as_json: bool) -> None:
    """Print the newest runs."""
    with _store(settings) as store:
        rows = store.rows(where, limit)
    if as_json:
        click.echo(json.dumps([row.model_dump(mode="json", exclude={"text"}) for row in rows], indent=2))
        return
    standing = [row_headline(row) for row in rows]
    width = max((len(stands.word) for stands in standing), default=0)
    for row, stands in zip(rows, standing, strict=True):
        click.echo(f"{row.id}  {row.started_at:%Y-%m-%d %H:%M:%S}  ", nl=False)
        click.secho(stands.word.ljust(width), fg=COLOURS.get(stands.status), nl=False)
        click.echo(f"  {row.done}/{row.steps}  {row.saga}  {row.fault}".rstrip())
    if not rows:
        click.echo("no runs; `saga run trip-to-germany` makes one", err=True)


def move_history(source: str, destination: str) -> None:
    """Move a history to another database and print what was moved."""
    moved = move(source, destination, utc_now())
    for table, count in moved.counts.items():
        click.echo(f"  {count:>9,}  {TABLES.get(table, table)}")
    click.echo(f"compared row by row; SHA-256 of all events: {moved.digest}")
    click.secho(f"✓ moved, {moved.open_runs} open runs included; the source is closed now", fg="green")
    click.echo("SAGA_DATABASE_URL (or [saga] database_url) with the new address goes on with it")


def serve_world(settings: Settings, port: int) -> None:
    """Serve the practice world until it is interrupted."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with SandboxServer(World(settings.data_dir / "sandbox.db"), port=port) as server:
        click.echo(
            f"the practice world is at {server.url}; SAGA_SANDBOX_URL={server.url} points an app to it"
        )
        try:
            server.wait()
        except KeyboardInterrupt:
            sys.exit(0)
