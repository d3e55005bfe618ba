"""What a run is called in words: its headline, money, durations, and the names of its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from engine.core.activities_told import told
from engine.core.run import SETTLED, Run, StepState
from engine.ports import RunRow
from ui.models.run_places import Titles, is_composite, local_title, title_in
from ui.models.status import run_look
from ui.models.timeline import duration_words

WAITS: Final = {
    "unknown": "Finding out what happened",
    "retry_wait": "Waiting to retry",
    "awaiting_locks": "Waiting for a lock",
    "waiting": "Waiting for a time",
}
"""What a run waits for whose steps are in such a state, the most telling first."""


STOPS: Final = {
    "until": "good enough",
    "max_rounds": "its rounds are used up",
    "stall": "no more progress",
    "timeout": "its time is up",
}
"""Why a loop ended after a round."""
MAX_LISTED: Final = 14
FEW: Final = 8
"""How many names a sentence has: up to so many, else so few and a count."""


@dataclass(frozen=True)
class Headline:
    """How a run stands: `status` is a key of the status map, `word` is what its badge says."""

    status: str
    word: str


def title_of(step: StepState) -> str:
    """Return how people call a step where what is around it is known; `run_places.title_in` says it in full."""
    return local_title(step)


def titles_of(run: Run) -> Mapping[str, str]:
    """Return how people call each step of a run, those inside composite steps with what is around them."""
    return Titles(run)


def epochs(run: Run, step: StepState) -> list[StepState]:
    """Return a step in all its epochs, the earlier ones that repairs ended first."""
    return [*run.past.get(step.id, ()), step]


def epoch_words(epoch: int) -> str:
    """Return "1st epoch", "2nd epoch", "11th epoch"."""
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{epoch}{'th' if epoch % 100 in {11, 12, 13} else ends.get(epoch % 10, 'th')} epoch"


def headline(run: Run) -> Headline:
    """Return what the run's badge says; never ambiguous about what was undone and what was not."""
    if run.status == "abandoned":
        return Headline("abandoned", f"Abandoned, {len(run.left_behind)} left behind")
    if run.status == "compensated_with_exceptions":
        return Headline(run.status, f"Compensated, {len(run.exceptions)} settled by hand")
    if run.status == "needs_attention":
        return Headline("needs_attention", _asked_of_people(run))
    if run.status == "compensating":
        return Headline("compensating", _going_back(len(run.plan) - run.unplanned, len(run.plan)))
    if run.status == "repairing":
        return Headline(
            "repairing", _repairing(len(run.plan) - run.unplanned, len(run.plan), len(_affected(run)))
        )
    if run.status == "draining":
        return Headline("draining", _stopping(run))
    return _forward(run)


def doubtful_pivots(run: Run) -> list[str]:
    """Return the titles of the points of no return that may be passed, though nobody knows yet (R15)."""
    pivots = (run.steps[name] for name in run.saga.pivots)
    return [title_in(run, step.id) for step in pivots if step.maybe_landed and not step.landed]


def locks_held(run: Run) -> str:
    """Return which locks a run holds and who took them; "" where it holds none (any more)."""
    if run.is_closed or not run.locks:
        return ""
    by_step: dict[str, list[str]] = {}
    for key, step in run.locks.items():
        by_step.setdefault(step, []).append(key)
    held = "; ".join(f"{', '.join(keys)} ({title_in(run, step)})" for step, keys in by_step.items())
    return f"holds {held} until it ends"


def _stopping(run: Run) -> str:
    doubtful = doubtful_pivots(run)
    if doubtful and not run.open_calls:
        return f"Stopping: finding out whether {doubtful[0]} happened"
    return f"Stopping, {counted(len(run.open_calls), 'call')} to finish"


def row_headline(row: RunRow) -> Headline:
    """Return what the badge of a run in a list says."""
    if row.status == "needs_attention":
        if row.direction_asked:
            return Headline(row.status, "Waiting for a direction")
        left = row.planned - row.undone
        return Headline(row.status, f"Rollback incomplete, {left} left" if left else "Needs attention")
    if row.status == "compensating":
        return Headline(row.status, _going_back(row.undone, row.planned))
    if row.status == "repairing":
        return Headline(row.status, _repairing(row.undone, row.planned))
    if row.status == "running" and row.paused:
        return Headline("paused", run_look("paused").word)
    if row.status == "running" and row.attention:
        return Headline("needs_attention", run_look("needs_attention").word)
    if row.status == "running" and row.approvals:
        return Headline("waiting", waiting_for([approval.group for approval in row.approvals]))
    return Headline(row.status, run_look(row.status).word)


def _going_back(undone: int, planned: int) -> str:
    return f"Rolling back {min(undone + 1, planned)} of {planned}" if planned else "Rolling back"


def _repairing(undone: int, planned: int, anew: int = 0) -> str:
    """Return how far a repair is, before what it affects begins anew."""
    if undone < planned:
        return f"Repairing: undoing {undone + 1} of {planned}"
    return f"Repairing: {counted(anew, 'step')} to be done anew" if anew else run_look("repairing").word


def _affected(run: Run) -> tuple[str, ...]:
    return run.repair.affected if run.repair is not None else ()


def redoing(run: Run) -> int:
    """Return how many steps a repair began anew that are not done yet."""
    return sum(step.epoch > 1 and step.status not in SETTLED for step in run.steps.values())


def _asked_of_people(run: Run) -> str:
    if run.direction_asked:
        return "Waiting for a direction"
    kinds = {help_needed.kind for help_needed in run.attention.values()}
    if run.direction == "undo":
        what = "Rollback incomplete" if run.repair is None else "Undoing for a repair is incomplete"
        return f"{what}, {run.unplanned} left"
    if "stuck_after_pivot" in kinds:
        return "Stuck after the point of no return" if run.pivot_passed() else "Stuck on the way forward"
    if kinds == {"late_success"}:
        return "A late effect to settle"
    if kinds == {"verdict"}:
        return "Waiting for a decision"
    if kinds == {"replan"}:
        return "Waiting for a plan"
    return "Outcome unknown" if kinds == {"unknown_outcome"} else run_look("needs_attention").word


def _forward(run: Run) -> Headline:
    if run.status == "running" and run.paused:
        return Headline("paused", "Paused at a limit" if run.limit is not None else run_look("paused").word)
    if run.status == "running" and run.planning is not None and not run.planning.asked:
        return Headline("repairing", f"Planning anew, round {run.planning.round}")
    again = redoing(run) if run.status == "running" else 0
    going = Headline("repairing", f"Redoing {counted(again, 'step')}") if again else _as_it_is(run)
    if run.status != "running" or run.open_calls:
        return going
    if run.limit is not None or run.attention:
        return Headline("needs_attention", "At a limit" if run.limit is not None else _asked_of_people(run))
    groups = [
        step.approval.request.group
        for step in run.steps.values()
        if step.status == "awaiting_approval" and step.approval is not None
    ]
    if groups:
        return Headline("waiting", waiting_for(groups))
    statuses = {run.steps[name].status for name in run.active if not is_composite(run.steps[name])}
    word = next((word for status, word in WAITS.items() if status in statuses), "")
    names = [step.awaits[0] for step in run.steps.values() if step.status == "waiting" and step.awaits]
    if names and statuses == {"waiting"}:
        word = f"Waiting for {listed(list(dict.fromkeys(names)))}"
    return Headline("waiting", word) if word else going


def _as_it_is(run: Run) -> Headline:
    return Headline(run.status, run_look(run.status).word)


def waiting_for(groups: Sequence[str]) -> str:
    """Return "Waiting for ..." with the groups that are asked, each once."""
    named = list(dict.fromkeys(group for group in groups if group))
    return f"Waiting for {listed(named)}" if named else "Waiting for approval"


def in_turn(names: Sequence[str]) -> str:
    """Return "a, then b, then c"; of very many the first and the last ones."""
    return _joined(names, ", then ")


def in_turns(turns: Sequence[Sequence[str]]) -> str:
    """Return "a, then b", or "a; then b and c, side by side; then d"; of very many the first and the last ones."""
    if all(len(names) == 1 for names in turns):
        return in_turn([name for (name,) in turns])
    words = [f"{listed(names)}{', side by side' if len(names) > 1 else ''}" for names in turns]
    return _joined(words, "; then ")


def _joined(parts: Sequence[str], word: str) -> str:
    if len(parts) > MAX_LISTED:
        parts = [*parts[:FEW], f"{len(parts) - FEW - 1:,} more", parts[-1]]
    return word.join(parts)


def listed(names: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c"; of very many the first ones, and how many more there are."""
    if len(names) > MAX_LISTED:
        names = [*names[:FEW], f"{len(names) - FEW:,} more"]
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return "1 step", "2 steps"."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def money(usd: float) -> str:
    """Return an amount of USD: cents from a dollar up, more digits below."""
    if usd == 0 or abs(usd) >= 1:
        return f"${usd:,.2f}"
    return f"${usd:.4f}".rstrip("0").ljust(5, "0")


def elapsed(run: Run, now: datetime) -> timedelta:
    """Return how long a run has taken so far, or in all."""
    if run.started_at is None:
        return timedelta(0)
    return max((run.ended_at or now) - run.started_at, timedelta(0))


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was: "just now", "3 m 20 s ago"."""
    span = now - moment
    return "just now" if span < timedelta(seconds=2) else f"{rounded(span)} ago"


def left(until: datetime, now: datetime) -> str:
    """Return how much time is left: "4 m 10 s", or "no time" once it is over."""
    return rounded(until - now) if until > now else "no time"


def rounded(span: timedelta) -> str:
    """Return a duration without fractions of a second, for what ticks: "12 s", "4 m 12 s"."""
    seconds = round(span.total_seconds())
    return f"{seconds} s" if seconds < 60 else duration_words(timedelta(seconds=seconds))


def clock(moment: datetime) -> str:
    """Return a moment as a time of day in UTC."""
    return moment.astimezone(UTC).strftime("%H:%M:%S")


def clock_ms(moment: datetime) -> str:
    """Return a moment as a time of day in UTC, with milliseconds."""
    return moment.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3]


def day_and_time(moment: datetime) -> str:
    """Return a moment as day and time in UTC."""
    return moment.astimezone(UTC).strftime("%d %b %Y %H:%M:%S UTC")


def has_clock(run: Run) -> bool:
    """Return whether the virtual time of a run has a clock, or is bare numbers as that of a job shop."""
    return isinstance(told(run, 0), str)


def pace(speed: float, *, clock: bool) -> str:
    """Return how fast virtual time goes, in words."""
    return f"{speed:g} minutes a second" if clock else f"{speed:g} a second"


def with_reason(text: str, reason: str) -> str:
    """Return a sentence with its reason, where there is one."""
    return f"{text}: {reason}" if reason else text
