"""`saga draft`: from a problem in words to a saga, in a terminal.

Exit codes: 0 a draft that holds, 1 findings are left, 2 bad input.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from engine.core.document import to_yaml
from engine.core.errors import CommandRejected
from engine.llm import LiteLlm
from engine.planning.words.drafting import ROUNDS, Drafting, Round
from engine.planning.words.finding import WORDS
from engine.planning.words.measures import best, measured
from engine.planning.words.problem import (
    APPROACHES,
    MAX_PROBLEM,
    Approach,
    Example,
    Style,
    Words,
    example,
    examples,
)
from engine.rehearsal.proposals import proposals
from ui.cli_errors import says_errors
from ui.models.plan_words import STATES, approach_word, measure_lines
from ui.settings import read_settings

FINDINGS_LEFT = 1
NAMES = ", ".join(entry.name for entry in examples())


@click.command()
@click.argument("words", required=False)
@click.option("--example", "example_name", metavar="NAME", help=f"A problem that ships: {NAMES}.")
@click.option(
    "--constraint", "-c", "constraints", multiple=True, metavar="TEXT", help="What must hold; repeatable."
)
@click.option("--metric", "metrics", multiple=True, metavar="TEXT", help="What counts; repeatable.")
@click.option("--model", help="local, scripted/NAME or a LiteLLM name; an example's own script unless said.")
@click.option("--as", "style", type=click.Choice(["saga", "chain"]), default="saga", show_default=True,
              help="A saga of steps with effects, or a chain of narrow prompts.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1, 20), default=ROUNDS, show_default=True)
@click.option("--alternatives", "count", type=click.IntRange(1, len(APPROACHES)), default=1, show_default=True,
              help="How many proposals, side by side.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the best draft there.")
@click.option("--json", "as_json", is_flag=True, help="The rounds and the drafts as JSON.")
@says_errors
def draft(  # noqa: PLR0917 - click passes them by name
    words: str | None, example_name: str | None, constraints: tuple[str, ...], metrics: tuple[str, ...], model: str | None,
    style: Style, rounds: int, count: int, out: Path | None, *, as_json: bool,
) -> None:  # fmt: skip
    """Draft a saga from a problem in WORDS; each round's findings go back to the model.

    What comes out was checked like any saga, and its undos were tried on a practice world of their own. The
    exit code is 0 if a draft holds, 1 if findings are left, 2 for bad input.

    \b
    Example:
      saga draft --example travel --out trip.yaml && saga run trip.yaml
      saga draft "Reserve a tent and send it to Oslo" -c "Ask me before it is sent" --model openai/gpt-5
      saga draft "Sum up ten reports" --as chain --model local
    """
    settings, shipped = read_settings(), _example(example_name)
    given = _words(words, shipped, constraints, metrics, style)
    chosen = model or (shipped.model if shipped else settings.model)
    found = proposals(
        LiteLlm(default_model=settings.model),
        chosen,
        given,
        tuple(APPROACHES)[:count],
        rounds=rounds,
        told=None if as_json else _tell_round,
    )
    index = best(found)
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in found], indent=2, ensure_ascii=False))
    else:
        for each in found:
            _tell_end(each)
    if index is not None:
        _write(found[index], out, quiet=as_json)
    sys.exit(0 if index is not None else FINDINGS_LEFT)


def _example(name: str | None) -> Example | None:
    found = example(name) if name else None
    if name and found is None:
        raise CommandRejected(f"there is no example '{name}'; examples are {NAMES}")
    return found


def _words(
    words: str | None,
    shipped: Example | None,
    constraints: tuple[str, ...],
    metrics: tuple[str, ...],
    style: Style,
) -> Words:
    said = (words or "").strip() or (shipped.problem if shipped else "")
    if not said:
        raise CommandRejected(f'say what is wanted: `saga draft "WORDS"`, or --example with one of {NAMES}')
    if len(said) > MAX_PROBLEM:
        raise CommandRejected(
            f"WORDS has {len(said):,} characters, and a problem has at most {MAX_PROBLEM:,}; say it shorter, and what "
            "must hold with `-c`"
        )
    given = shipped.words() if shipped else Words(problem=said)
    return Words(
        problem=said,
        constraints=(*given.constraints, *constraints),
        metrics=(*given.metrics, *metrics),
        style=style,
    )


def _tell_round(approach: Approach, done: Round) -> None:
    click.secho(f"{approach_word(approach)}, round {done.number}: ", bold=True, nl=False)
    click.echo(f"asked {', '.join(done.asked)} ({done.tokens:,} tokens)")
    for finding in done.findings:
        click.secho(f"  ✗ {WORDS[finding.code]} ({finding.code})", fg="red")
        click.echo(f"    {finding}")
    if not done.findings:
        click.secho("  ✓ nothing was found", fg="green")


def _tell_end(drafting: Drafting) -> None:
    is_ready = drafting.state == "ready"
    mark, words = ("✓" if is_ready else "✗"), STATES[drafting.state]
    click.secho(
        f"{mark} {approach_word(drafting.words.approach)}: {words}", fg="green" if is_ready else "red"
    )
    if drafting.error:
        click.echo(f"  {drafting.error}")
    for name, value in measure_lines(measured(drafting), drafting.outline.titles) if is_ready else ():
        click.echo(f"  {name}: {value}")
    trial = drafting.trial
    if trial is not None and trial.why_not:
        click.secho(f"  its undos were not tried: {trial.why_not}", fg="yellow")


def _write(drafting: Drafting, out: Path | None, *, quiet: bool) -> None:
    text = to_yaml(drafting.document or {})
    if out is not None:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandRejected(f"{out} can't be written: {error.strerror}") from None
        if not quiet:
            click.echo(f"written to {out}; `saga run {out}` runs it")
    elif not quiet:
        click.echo()
        click.echo(text)


def _as_json(drafting: Drafting) -> dict[str, Any]:
    rounds = [
        {
            "number": done.number,
            "asked": list(done.asked),
            "tokens": done.tokens,
            "cost_usd": done.cost_usd,
            "findings": [
                {"code": f.code, "stage": f.stage, "where": f.where, "problem": f.problem, "remedy": f.remedy}
                for f in done.findings
            ],
        }
        for done in drafting.rounds
    ]
    return {
        "approach": drafting.words.approach,
        "state": drafting.state,
        "error": drafting.error,
        "rounds": rounds,
        "draft": drafting.document,
    }
