"""The numbers above a run's graph: progress, time, tries, money, checks, and what an undo would cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.core.events import LimitName
from engine.core.run import Run
from ui.models.run_words import counted, elapsed, epochs, money, redoing, rounded
from ui.models.timeline import duration_words
from ui.models.undo_cost import undo_price, undoing_cost


@dataclass(frozen=True)
class Number:
    """A number in a card, with a grey line below it and, if there is one, a trend."""

    label: str
    value: str
    note: str = ""
    trend: tuple[float, ...] = ()
    help: str = ""


def run_numbers(run: Run, now: datetime) -> tuple[Number, ...]:
    """Return the numbers of a run at `now`."""
    return (
        _progress(run),
        _time(run, now),
        _tries(run),
        _cost(run),
        _checks(run),
        _undoing(run),
    )


def _undoing(run: Run) -> Number:
    """Return what undoing all now would cost; once something is undone, what that has cost."""
    said = "What the compensations say they cost, added up."
    cost = undoing_cost(run)
    if cost is None:
        return Number("Undoing all now", *undo_price(run), help=said)
    undone = sum(step.status == "compensated" for step in run.steps.values())
    note = counted(undone, "effect") + " undone" if run.is_closed else f"so far, of {money(cost.whole)}"
    return Number("Undoing cost", money(cost.spent), note, help=said)


def _progress(run: Run) -> Number:
    anew = counted(len(run.repair.affected), "step") + " then anew" if run.repair is not None else ""
    if run.direction == "undo" and not run.plan:
        return Number("Undone", "Nothing", anew or "nothing had taken effect")
    if run.direction == "undo":
        done = len(run.plan) - run.unplanned
        excused = f"{len(run.exceptions)} settled by hand" if run.exceptions else ""
        return Number(
            "Undone",
            f"{done} of {len(run.plan)}",
            excused or anew or counted(len(run.plan), "effect") + " in all",
        )
    done = len(run.steps) - run.unfinished
    skipped = sum(step.status == "skipped" for step in run.steps.values())
    handled = sum(step.status == "handled" for step in run.steps.values())
    notes = [f"{skipped} skipped"] if skipped else []
    notes += [f"{handled} went another way"] if handled else []
    notes += [f"{redoing(run)} being done anew"] if redoing(run) else []
    return Number("Progress", f"{done} of {len(run.steps)}", ", ".join(notes) or "steps")


def _time(run: Run, now: datetime) -> Number:
    took = elapsed(run, now)
    words = duration_words(took) if run.is_closed else rounded(took)
    if run.is_closed or run.deadline is None:
        return Number(
            "Took" if run.is_closed else "Elapsed", words, "from start to end" if run.is_closed else "so far"
        )
    left = run.deadline - now
    note = f"{rounded(left)} to the deadline" if left.total_seconds() > 0 else "the deadline is over"
    return Number("Elapsed", words, note)


def _tries(run: Run) -> Number:
    lives = [life for step in run.steps.values() for life in epochs(run, step)]
    retries = sum(max(len(s.attempts) - 1, 0) + max(len(s.undos) - 1, 0) for s in lives)
    notes = [counted(retries, "retry", "retries")] if retries else []
    notes += [counted(run.disruptions, "disruption")] if run.disruptions else []
    notes += [counted(run.repairs, "repair")] if run.repairs else []
    limit = _limit(run, "calls")
    notes += [f"{run.calls} of {limit:,.0f} forward"] if limit else []
    return Number("Calls", str(run.attempts), ", ".join(notes) or "none repeated")


def _cost(run: Run) -> Number:
    usd, tokens = _limit(run, "cost_usd"), _limit(run, "tokens")
    of = f"of {money(usd)}, " if usd else ""
    spent = f"{run.tokens:,} of {tokens:,.0f} tokens" if tokens else f"{run.tokens:,} tokens"
    return Number("Model cost", money(run.cost_usd), of + spent)


def _limit(run: Run, name: LimitName) -> float:
    """Return what a run may spend by now, grants included; 0 where nothing limits it."""
    stated = getattr(run.saga.budget, name, None) if run.saga.budget else None
    return run.allowed.get(name, float(stated)) if stated else 0.0


def _checks(run: Run) -> Number:
    lives = [life for step in run.steps.values() for life in epochs(run, step)]
    verdicts = [verdict.verdict for life in lives for verdict in life.verdicts]
    passed = verdicts.count("accept")
    bad = verdicts.count("reject") + verdicts.count("retry")
    noted, silent, asked = (verdicts.count(word) for word in ("feedback", "none", "ask"))
    notes = [f"{bad} not passed"] if bad else []
    notes += [f"{silent} without a verdict"] if silent else []
    notes += [f"{asked} left to a person"] if asked else []
    notes += [f"{noted} noted"] if noted else []
    return Number("Checks", f"{passed} passed", ", ".join(notes) or "all passed" if verdicts else "none yet")
