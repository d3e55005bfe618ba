"""A story in words: the saga, what was asked for, what was recorded, and what is in the world's ledger."""

from __future__ import annotations

from datetime import datetime

from engine.core.commands import Command
from engine.core.events import Event, Recorded
from engine.core.fact import adapter
from engine.rehearsal.stage import Stage
from engine.rehearsal.story import T0, Story
from engine.rehearsal.world import Effect

LONGEST = 220


def tell(story: Story | Stage) -> str:
    """Return the whole story, in the order in which it happened."""
    lines = [f"saga {story.saga.canonical}", "", "time      what happened"]
    log = list(story.log)
    for told in story.told:
        lines += [_recorded(log.pop(0)) for _ in range(_until(log, told.seq))]
        refused = f"   REFUSED: {told.refused}" if told.refused else ""
        lines.append(f"{_time(told.at)}  > {_words(told.command)}{refused}"[:LONGEST])
    lines += map(_recorded, log)
    ends = "  ".join(f"{step.id}: {step.status}" for step in story.run.steps.values())
    return "\n".join([*lines, "", f"the run is {story.run.status}; {ends}", *ledger(story.world.effects)])


def _until(log: list[Recorded], seq: int) -> int:
    return sum(1 for recorded in log if recorded.seq <= seq)


def _recorded(recorded: Recorded) -> str:
    return f"{_time(recorded.at)}      {recorded.seq:3} {_words(recorded.event)}"[:LONGEST]


def ledger(effects: list[Effect]) -> list[str]:
    """Return the world's ledger, a line for each effect."""
    lines = ["the world's ledger:"] if effects else ["the world's ledger is empty"]
    for x in effects:
        gone = f", gone at {_time(x.gone_at).strip()} by {x.undone_by}" if x.gone_at else ""
        lines.append(f"  {x.id} of {x.step} ({x.key}) landed at {_time(x.lands_at).strip()}{gone}")
    return lines


def _time(at: datetime) -> str:
    return f"{(at - T0).total_seconds():8.2f}"


def _words(fact: Command | Event) -> str:
    """Return a command or an event in one line: its name, and what differs from the defaults."""
    told = adapter(type(fact)).dump_python(
        fact, mode="json", exclude_defaults=True, exclude={"type", "request_hash"}
    )
    return f"{getattr(fact, 'type', '')} " + ", ".join(f"{key}={value}" for key, value in told.items())
