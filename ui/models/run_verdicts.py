"""The verdicts of a run, each as a line: who said what about which output, on what grounds, at what price."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any, Final

from engine.core.events import OutputAugmented, Recorded, VerdictGiven
from engine.core.run import Run, StepState
from ui.models.run_places import title_in
from ui.models.run_words import clock_ms, money, title_of
from ui.models.status import Look, verdict_look

Json = Any
ABSENT: Final = ""
"""The JSON text of a key that is not there; no value is written like that."""
TIERS: Final = {"intra": "this output", "inter": "between steps"}
CALLED: Final = frozenset({"judge", "python"})
"""The kinds of validators that are calls: they have votes, a cost, a latency."""
_OLD_CHECKS: Final = {"schema": "syntactic", "rule": "constraint"}
FALLBACKS: Final = {"llm": "another prompt or model", "value": "a value"}


@dataclass(frozen=True)
class VerdictLine:
    """One verdict.

    Attributes:
        verdict: a key of `status.VERDICT`.
        where: where the validator stands: on the step, on an edge to a consumer, on the saga.
        votes: "2 of 3", how many accepted; "" where there are none.
        latency: "in code" where nothing was called, "by hand" for a person's word.
        decided: what a person said later in this validator's place; "" where nobody did.
    """

    seq: int
    at: datetime
    step: str
    title: str
    attempt: int
    validator: str
    verdict: str
    kind: str
    check: str
    tier: str
    where: str
    evidence: str
    votes: str
    cost_usd: float
    latency: str
    by: str
    decided: str
    proposal: Json

    @property
    def look(self) -> Look:
        """How the verdict is shown."""
        return verdict_look(self.verdict)

    @property
    def cost(self) -> str:
        """What it cost in words; "" for nothing."""
        return money(self.cost_usd) if self.cost_usd else ""


@dataclass(frozen=True)
class KeyChange:
    """One key of an output, before and after; both as JSON text."""

    key: str
    before: str
    after: str


@dataclass(frozen=True)
class Addition:
    """What a validator added to an output; both sides are kept."""

    attempt: int
    validator: str
    by: str
    changes: tuple[KeyChange, ...]
    before: Json
    after: Json


@dataclass(frozen=True)
class Simpler:
    """A fallback that a step took instead of failing."""

    number: int
    what: str
    reason: str


def verdict_lines(
    run: Run,
    history: Sequence[Recorded],
    *,
    step: str | None = None,
    verdicts: Sequence[str] = (),
    tier: str | None = None,
) -> list[VerdictLine]:
    """Return the matching verdicts, newest first."""
    given = [r for r in history if isinstance(r.event, VerdictGiven)]
    added = {
        (r.event.step, r.event.attempt, r.event.validator)
        for r in history
        if isinstance(r.event, OutputAugmented)
    }
    decided = _decisions(given)
    lines = [_line(run, recorded, decided, added) for recorded in reversed(given)]
    return [
        line
        for line in lines
        if (step is None or line.step == step)
        and (not verdicts or line.verdict in verdicts)
        and (tier is None or line.tier == tier)
    ]


def _line(
    run: Run, recorded: Recorded, decided: dict[int, str], added: set[tuple[str, int, str]]
) -> VerdictLine:
    event: Any = recorded.event
    kind = event.kind or ("schema" if event.validator == "schema" else "rule")
    verdict = event.verdict
    if verdict == "augment" and (event.step, event.attempt, event.validator) not in added:
        verdict = "propose"
    return VerdictLine(
        seq=recorded.seq,
        at=recorded.at,
        step=event.step,
        title=title_in(run, event.step) if event.step in run.steps else event.step,
        attempt=event.attempt,
        validator=event.validator,
        verdict=verdict,
        kind=kind,
        check=event.check or _OLD_CHECKS[kind],
        tier=event.tier,
        where=where_words(run, event),
        evidence=event.evidence,
        votes=f"{event.votes[0]} of {event.votes[1]}" if event.votes and event.votes[1] else "",
        cost_usd=event.cost_usd,
        latency="by hand" if event.by else f"{event.latency_s:.2f} s" if kind in CALLED else "in code",
        by=event.by,
        decided=decided.get(recorded.seq, ""),
        proposal=event.proposal,
    )


def where_words(run: Run, verdict: VerdictGiven) -> str:
    """Return where a validator stands: "the step", "edge to Hotel", "the saga"."""
    if verdict.edge:
        target = run.steps.get(verdict.edge)
        return f"edge to {title_of(target) if target else verdict.edge}"
    return "the saga" if verdict.whole else "the step"


def _decisions(given: Sequence[Recorded]) -> dict[int, str]:
    """Return what people made of verdicts, by the place in the log of the verdict that they decided about."""
    last: dict[tuple[str, int, str], int] = {}
    decided = {}
    for recorded in given:
        event: Any = recorded.event
        about = (event.step, event.attempt, event.validator)
        if not event.by:
            last[about] = recorded.seq
        elif about in last:
            word = "accepted it" if event.verdict == "accept" else "rejected it"
            decided[last[about]] = f"{event.by} {word}: {event.evidence}"
    return decided


def additions(step: StepState) -> list[Addition]:
    """Return what validators added to a step's outputs, newest first."""
    return [
        Addition(a.attempt, a.validator, a.by, changes(a.before, a.after), a.before, a.after)
        for a in reversed(step.augmentations)
    ]


def changes(before: Json, after: Json) -> tuple[KeyChange, ...]:
    """Return the keys that differ between two outputs."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return (KeyChange("output", _json(before), _json(after)),) if before != after else ()
    return tuple(_changed(before, after))


def _changed(before: dict[str, Json], after: dict[str, Json]) -> Iterator[KeyChange]:
    for key in dict.fromkeys([*before, *after]):
        if before.get(key) != after.get(key) or (key in before) != (key in after):
            old = _json(before[key]) if key in before else ABSENT
            yield KeyChange(key, old, _json(after[key]) if key in after else ABSENT)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def fallbacks(step: StepState) -> list[Simpler]:
    """Return the fallbacks that a step took, newest first."""
    return [Simpler(f.number, FALLBACKS.get(f.kind, f.kind), f.reason) for f in reversed(step.fallbacks)]


def verdict_table(lines: Sequence[VerdictLine]) -> dict[str, list[Any]]:
    """Return verdicts as the columns of a table."""
    return {
        "Time": [clock_ms(line.at) for line in lines],
        "Step": [line.title for line in lines],
        "Validator": [line.validator for line in lines],
        "Verdict": [[line.look.word, f"by {line.by}"] if line.by else [line.look.word] for line in lines],
        "Evidence": [line.evidence for line in lines],
        "About": [line.check for line in lines],
        "Looks at": [TIERS[line.tier] for line in lines],
        "Stands on": [line.where for line in lines],
        "Votes": [line.votes for line in lines],
        "Cost": [line.cost for line in lines],
        "Latency": [line.latency for line in lines],
        "Decided": [f"by {line.by}" if line.by else line.decided for line in lines],
    }


def verdicts_csv(lines: Sequence[VerdictLine]) -> str:
    """Return verdicts as a CSV document."""
    table = verdict_table(lines) | {"Verdict": [line.look.word for line in lines]}
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(table)
    writer.writerows([_harmless(str(cell)) for cell in row] for row in zip(*table.values(), strict=True))
    return out.getvalue()


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: outputs and evidence come from anywhere."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell
