"""The commands with which somebody disturbs a run on purpose, and looks at what it went by."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from pydantic import ValidationError

from engine.core.commands import AnyCommand, Disrupt, JudgeAssumption, Lift
from engine.core.disrupt import words
from engine.core.disruption_kinds import KINDS
from engine.core.errors import CommandRejected
from ui.cli_errors import says_errors
from ui.settings import read_settings

POSITIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("fail", "refuse", "timeout_but_land", "land_late", "delay", "garbage"), ("step",)),
    "model_down": ("model",), "tool_down": ("target",), "database_away": ("seconds",), "crash": (),
    "fact": ("path", "value"), "lost_resource": ("resource",), "constraint": ("name", "rule"), "relax": ("name",),
    "budget": ("limit", "allowed"), "withdraw_approval": ("step",), "cancelled_booking": ("step",),
}  # fmt: skip
"""What may be said without its name, by kind."""


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("kind", type=click.Choice([*POSITIONS, "lift"]))
@click.argument("said", metavar="[WORD]...", nargs=-1)
@click.option(
    "--with", "more", multiple=True, metavar="NAME=VALUE", help="Anything more; JSON or plain text."
)
@click.option(
    "--in", "in_s", type=click.FloatRange(min=0), metavar="SECONDS", help="From when on; unless said, now."
)
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(min=0.001),
    metavar="SECONDS",
    help="For how long; unless said, to the end.",
)
@click.option("--reason", default="", help="What happened; it is kept with the run.")
@says_errors
def disrupt(  # noqa: PLR0917 - one for each of the command's words
    run_id: str,
    kind: str,
    said: tuple[str, ...],
    more: tuple[str, ...],
    in_s: float | None,
    for_s: float | None,
    reason: str,
) -> None:
    """Let something happen to a run from outside: to its calls, to a fact, to what is asked of it.

    \b
    Calls of a step (next one, or --with times=N; --with phase=undo):
      fail STEP, refuse STEP, timeout_but_land STEP, garbage STEP, land_late STEP --with delay_s=2,
      delay STEP --with factor=3
    Services: model_down [MODEL], tool_down TARGET, database_away SECONDS, crash
    The world: fact PATH VALUE (or --with factor=1.3), lost_resource NAME, cancelled_booking STEP
    The task: constraint NAME RULE, relax NAME, budget LIMIT ALLOWED, withdraw_approval STEP
    lift N ends the disruption that event N made known.

    \b
    Example:
      saga disrupt r-0198c2f4d51a2b3c fact steps.train.output.arrives '"2027-06-12"' --reason "it is late"
      saga disrupt r-0198c2f4d51a2b3c tool_down hotels --for 30
    """
    from ui.terminal import tell

    command = lifting(said, reason) if kind == "lift" else disruption(kind, said, more, in_s, for_s, reason)
    text = words(command.what) if isinstance(command, Disrupt) else "lifted"
    settings = read_settings()
    sys.exit(tell(settings, run_id, command.model_copy(update={"by": settings.user}), text))


def lifting(said: tuple[str, ...], reason: str) -> Lift:
    """Return the command that ends a disruption.

    Raises:
        CommandRejected: if its number is none.
    """
    if len(said) != 1 or not said[0].isdigit():
        raise CommandRejected(
            "say which one: `saga show RUN --json` has the number of each `disrupted` event"
        )
    return Lift(disruption=int(said[0]), reason=reason)


def disruption(  # noqa: PLR0917 - as the command line has them
    kind: str,
    said: tuple[str, ...],
    more: tuple[str, ...],
    in_s: float | None,
    for_s: float | None,
    reason: str,
) -> Disrupt:
    """Return the command for what was said.

    Raises:
        CommandRejected: naming what is missing or wrong.
    """
    names = POSITIONS[kind]
    if len(said) > len(names):
        raise CommandRejected(
            f"`{kind}` takes {', '.join(name.upper() for name in names) or 'nothing'}; quote what has blanks"
        )
    values = {name: _value(kind, name, text) for name, text in zip(names, said, strict=False)}
    for pair in more:
        name, found, text = pair.partition("=")
        if not found:
            raise CommandRejected(f"--with '{pair}' has no value; write NAME=VALUE")
        values[name] = _value(kind, name, text)
    now = datetime.now(UTC)
    begins = None if in_s is None else now + timedelta(seconds=in_s)
    until = None if for_s is None else (begins or now) + timedelta(seconds=for_s)
    return command_of({"kind": kind, "reason": reason, **values}, begins, until)


def command_of(what: dict[str, Any], begins: datetime | None, until: datetime | None) -> Disrupt:
    """Return the command of plain values.

    Raises:
        CommandRejected: naming what is missing or wrong.
    """
    try:
        return Disrupt.model_validate({"what": what, "effective_from": begins, "until": until})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"][2:]) or what["kind"]
        raise CommandRejected(f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None


def _value(kind: str, name: str, text: str) -> Any:
    """Return a value as its field takes it: texts as they are, all else as JSON where it is that."""
    field = KINDS[kind].model_fields.get(name)
    if field is not None and field.annotation is str:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--accept", metavar="PATH", help="Accept an assumption, such as assume.NAME.")
@click.option("--refuse", metavar="PATH", help="Refuse it: what used it no longer counts.")
@click.option("--reason", default="", help="Why; it is kept with the run.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@says_errors
def facts(run_id: str, accept: str | None, refuse: str | None, reason: str, *, as_json: bool) -> None:
    """Show every outside fact that a run went by: value, source, since when, who relied on it.

    \b
    Example:
      saga facts r-0198c2f4d51a2b3c
      saga facts r-0198c2f4d51a2b3c --refuse assume.transfer_min --reason "I know the airport"
    """
    from ui.terminal import tell
    from ui.terminal_facts import show_facts

    settings = read_settings()
    if accept and refuse:
        raise click.UsageError("say --accept or --refuse, and only one of them")
    path = accept or refuse
    if path is None:
        show_facts(settings, run_id, as_json=as_json)
        return
    command: AnyCommand = JudgeAssumption(path=path, accepted=bool(accept), reason=reason, by=settings.user)
    sys.exit(tell(settings, run_id, command, f"{path} is {'accepted' if accept else 'refused'}"))
