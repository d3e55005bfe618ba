"""`saga simulate`: rehearsals in a terminal, with a table at the end and a line that tells a failure again."""

from __future__ import annotations

import json
import os
import resource
import shlex
import sys
import time

import click

from engine.core.errors import SagaError
from engine.rehearsal.campaign import Campaign, simulate
from engine.rehearsal.checker import words
from engine.rehearsal.rehearse import Findings, replay_token
from engine.rehearsal.telling import tell
from engine.rehearsal.world import Weather

PROGRESS_S = 0.5
BROKEN, BAD_INPUT = 1, 2
SHOWN_WEDGES = 25


@click.command("simulate")
@click.option("--sagas", default=1000, show_default=True, type=click.IntRange(1, 10**7), help="How many.")
@click.option("--seed", default=1, show_default=True, help="Another seed, other sagas.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes; one for each core unless said.")
@click.option("--crash-everywhere", is_flag=True, help="Kill the engine at every boundary of every story.")
@click.option("--inside-turns", is_flag=True, help="Cut the log inside of transactions as well.")
@click.option("--broken-promises", is_flag=True, help="Effects may land after their settle window.")
@click.option("--late-answers/--no-late-answers", default=True, show_default=True,
              help="Calls that were given up may answer after all.")  # fmt: skip
@click.option("--staged", default=20, show_default=True, type=click.IntRange(0, 100), metavar="PERCENT",
              help="The share that goes through the real runtime, too.")  # fmt: skip
@click.option("--replay", "token", metavar="TOKEN", help="Tell one story from the token of a failure.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(
    *, sagas: int, seed: int, jobs: int | None, crash_everywhere: bool, inside_turns: bool,
    broken_promises: bool, late_answers: bool, staged: int, token: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Run random sagas in a world that misbehaves, and check every law on the log and on the world's ledger.

    \b
    Example:
      saga simulate --sagas 10000
      saga simulate --sagas 1000 --crash-everywhere
    """
    weather = Weather(broken_promises=broken_promises, late_answers=late_answers)
    if token is not None:
        sys.exit(_replay(token, weather))
    campaign = Campaign(
        sagas=sagas, seed=seed, staged_percent=staged, crash_everywhere=crash_everywhere,
        inside_turns=inside_turns, weather=weather,
    )  # fmt: skip
    show = _Progress(sagas, quiet=as_json or not sys.stderr.isatty())
    findings = simulate(campaign, jobs or os.cpu_count() or 1, show)
    show.end()
    flags = " --broken-promises" * broken_promises + " --no-late-answers" * (not late_answers)
    again = "saga simulate --replay {}" + flags
    click.echo(_as_json(findings, again) if as_json else table(findings, show.seconds(), again))
    sys.exit(BROKEN if findings.broken else 0)


def _replay(token: str, weather: Weather) -> int:
    """Tell the story of a token; return the exit code."""
    try:
        story, broken = replay_token(token, weather)
    except SagaError as unknown:
        click.secho(f"✗ {unknown}", fg="red", err=True)
        return BAD_INPUT
    if story is not None:
        click.echo(tell(story))
    if broken is None:
        click.secho("✓ every law holds", fg="green")
        return 0
    click.secho(f"✗ {broken}", fg="red")
    return BROKEN


class _Progress:
    """One line on the terminal that says how far it is."""

    def __init__(self, sagas: int, *, quiet: bool) -> None:
        self._sagas, self._quiet = sagas, quiet
        self._started, self._shown_at = time.monotonic(), 0.0

    def __call__(self, so_far: Findings) -> None:
        now = time.monotonic()
        if self._quiet or now - self._shown_at < PROGRESS_S:
            return
        self._shown_at = now
        broken = f"{so_far.broken.total()} violations"
        click.echo(
            f"\r{so_far.sagas:,} of {self._sagas:,} sagas, {so_far.runs:,} runs, {broken} ",
            err=True,
            nl=False,
        )

    def end(self) -> None:
        """Take the line away."""
        if not self._quiet:
            click.echo("\r\033[K", err=True, nl=False)

    def seconds(self) -> tuple[float, float]:
        """Return the seconds it took, and those of all processors together."""
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return time.monotonic() - self._started, sum(each.ru_utime + each.ru_stime for each in used)


def _as_json(findings: Findings, again: str) -> str:
    found = dict(vars(findings))
    found["violations"] = [
        {"law": law, "what": what, "replay": again.format(shlex.quote(token))}
        for law, token, what in findings.violations
    ]
    return json.dumps(found, indent=2)


def table(findings: Findings, seconds: tuple[float, float], again: str) -> str:
    """Return the findings as people read them."""
    took = f"{seconds[0]:.1f} s, {seconds[1]:.1f} s of processor"
    runs = f"{findings.runs:,} runs ({findings.staged:,} through the real runtime)"
    head = [
        f"{findings.sagas:,} sagas, {runs}, {findings.events:,} events, {findings.crashes:,} crashes; {took}",
        "",
        *(f"  {count:>9,}  {ending.replace('_', ' ')}" for ending, count in findings.endings.most_common()),
        "",
        "  law       runs     checks",
        *(_law_line(findings, law, said) for law, said in words().items()),
        "",
    ]
    return "\n".join([*head, *_wedges(findings), *_verdict(findings, again)])


def _law_line(findings: Findings, law: str, said: str) -> str:
    runs, judged, broken = findings.stories[law], findings.judged[law], findings.broken[law]
    mark = f"   BROKEN {broken} times" if broken else "" if judged else "   (nothing to judge here)"
    return f"  {law} {runs:>10,} {judged:>10,}  {said}{mark}"


def _wedges(findings: Findings) -> list[str]:
    if not findings.wedges:
        return []
    shown = findings.wedges.most_common(SHOWN_WEDGES)
    lines = [f"  {count:>6}  {where}" for where, count in shown]
    return ["Broken by cuts inside a turn (law, command: last event kept | first event lost):", *lines, ""]


def _verdict(findings: Findings, again: str) -> list[str]:
    if not findings.broken:
        return ["✓ 0 violations"]
    lines = []
    for law, token, what in findings.violations:
        lines += [f"✗ {law}: {what[:300]}", f"    {again.format(shlex.quote(token))}"]
    return [*lines, f"✗ {findings.broken.total()} violations"]
