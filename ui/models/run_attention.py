"""What a run asks of people: each thing in words, with the answers there are and the command each sends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from engine.core.commands import (
    Abandon,
    Amend,
    AnyCommand,
    Cancel,
    ChooseDirection,
    GrantLimit,
    MarkDone,
    Resolve,
    Skip,
    TryNow,
)
from engine.core.events import Direction, LimitName
from engine.core.limits import in_words
from engine.core.run import Run, StepState
from ui.models.run_actions import refusal
from ui.models.run_places import title_in
from ui.models.run_rollback import remaining
from ui.models.run_words import clock, counted, listed, rounded

Json = Any
Kind = Literal[
    "comp_failed", "unknown_outcome", "approval", "verdict", "direction", "stuck_after_pivot", "late_success",
    "limit", "looking", "locks", "retry", "give_up", "replan", "signal",
]  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """One answer. `label` is what the radio says, `caption` what follows from it."""

    value: str
    label: str
    caption: str = ""


@dataclass(frozen=True)
class Ask:
    """One thing that a run asks of people, or (`looking`, `locks`, `retry`) tells them.

    Attributes:
        status: a key of the status map: its icon and colour.
        title: what is the matter.
        detail: what the engine or the target said; shown as it is, never as Markdown.
        advice: what to do, in our words.
        label: what the radio asks for.
        reason_label: what the text field asks for; "" where there is none.
        blocked: why it can't be answered yet; "" where it can.
    """

    kind: Kind
    step: str
    status: str
    title: str
    detail: str = ""
    advice: str = ""
    choices: tuple[Choice, ...] = ()
    label: str = "What should happen"
    reason_label: str = ""
    blocked: str = ""
    request: Json = field(default=None, compare=False)


def asks(run: Run, now: datetime) -> list[Ask]:
    """Return what a run asks of people, the most urgent first."""
    if run.is_closed:
        return []
    steps = list(run.steps.values())
    return [
        *(_comp_failed(run, step) for step in steps if step.status == "comp_failed"),
        *(_unknown(run, step, now) for step in steps if _needs(run, step) == "unknown_outcome"),
        *(_approval(run, step) for step in steps if step.status == "awaiting_approval"),
        *(_verdict(run, step) for step in steps if _needs(run, step) == "verdict"),
        *_direction(run),
        *(_stuck(run, step) for step in steps if _needs(run, step) == "stuck_after_pivot"),
        *(_late(run, step) for step in steps if _needs(run, step) == "late_success"),
        *(no_plan(run, step) for step in steps if _needs(run, step) == "replan"),
        *_limit(run),
        *(ask for step in steps for ask in _locks(run, step, now)),
        *(ask for step in steps for ask in _waiting(run, step, now)),
        *(_signal(run, step, step.awaits) for step in steps if step.status == "waiting" and step.awaits),
    ]


def give_up(run: Run) -> Ask | None:
    """Return the offer to give the run up, where only people can go on."""
    if run.status != "needs_attention":
        return None
    rest = remaining(run)
    advice = f"These effects stay as they are: {listed(rest)}." if rest else "No effect would be left behind."
    return Ask("give_up", "", "abandoned", "Give this run up", advice=advice, reason_label="Why")


def command_of(
    ask: Ask, choice: str, reason: str, by: str, request: Json = None, *, culprits: Sequence[str] = ()
) -> AnyCommand:
    """Return the command that an answer sends; `culprits` are the steps that a repair is for.

    Raises:
        KeyError: if there is no such answer.
    """
    step = ask.step
    if ask.kind == "give_up":
        return Abandon(reason=reason, by=by)
    if ask.kind == "direction":
        return direction_of(choice, reason, by, culprits)
    if ask.kind == "limit":
        return GrantLimit(reason=reason, by=by) if choice == "grant" else Cancel(reason=reason, by=by)
    if ask.kind == "replan" and choice in {"keep", "cancel"}:
        keep = Amend(document=ask.request, reason=reason, by=by)
        return keep if choice == "keep" else Cancel(reason=reason, by=by)
    commands: dict[str, AnyCommand] = {
        "retry": TryNow(step=step, reason=reason, by=by),
        "edit": TryNow(step=step, reason=reason, request=request, by=by),
        "done": MarkDone(step=step, reason=reason, by=by),
        "skip": Skip(step=step, reason=reason, by=by),
        "landed": Resolve(step=step, landed=True, reason=reason, by=by),
        "not_landed": Resolve(step=step, landed=False, reason=reason, by=by),
    }
    return commands[choice]


def direction_of(choice: str, reason: str, by: str, culprits: Sequence[str]) -> ChooseDirection:
    """Return the command that chooses a direction.

    Raises:
        KeyError: if there is no such direction.
    """
    directions: dict[str, Direction] = {
        "undo": "undo", "repair": "repair", "replan": "repair", "forward": "forward"
    }  # fmt: skip
    direction = directions[choice]
    named = tuple(culprits) if direction == "repair" else ()
    return ChooseDirection(
        direction=direction, reason=reason, by=by, culprits=named, replan=choice == "replan"
    )


def _needs(run: Run, step: StepState) -> str:
    asked = run.attention.get(step.id)
    return asked.kind if asked else ""


def _comp_failed(run: Run, step: StepState) -> Ask:
    blocked = [title_in(run, name) for name in run.undo_unlocks.get(step.id, ())]
    waits = f" Until this is settled, {listed(blocked)} can't be undone either." if blocked else ""
    return Ask(
        "comp_failed",
        step.id,
        "comp_failed",
        f"{title_in(run, step.id)} could not be undone",
        detail=step.reason,
        advice=f"Tried {counted(len(step.undos), 'time')}.{waits}",
        choices=(
            Choice("retry", "Try the undo again", "The same request, with the same key"),
            Choice("edit", "Edit the request and try again", "For a wrong address or a changed reference"),
            Choice("done", "It was undone by hand", "Say where it can be seen"),
            Choice("skip", "Leave it as it is", _if_left(run)),
        ),
        reason_label="Reason or evidence",
        request=step.undos[-1].intent.request if step.undos else None,
    )


def _if_left(run: Run) -> str:
    if run.repair is None:
        return "The run ends as compensated with exceptions"
    return "It is not done a second time beside it: everything else is undone as well"


def _unknown(run: Run, step: StepState, now: datetime) -> Ask:
    then = "it will be undone" if run.direction == "undo" else "the run goes on with it"
    otherwise = "there is nothing to undo" if run.direction == "undo" else "it is tried again or given up"
    return Ask(
        "unknown_outcome",
        step.id,
        "unknown",
        f"Did {title_in(run, step.id)} take effect?",
        detail=step.reason,
        advice="Look at the target system, with the key below, and say what you found.",
        choices=(
            Choice("landed", "It took effect", then[0].upper() + then[1:]),
            Choice("not_landed", "It did not take effect", otherwise[0].upper() + otherwise[1:]),
        ),
        label="What you found",
        reason_label="Evidence",
        blocked=refusal(run, Resolve(step=step.id, landed=True, reason="?"), now),
        request={"key": step.attempts[-1].intent.key, "request": step.attempts[-1].intent.request},
    )


def _approval(run: Run, step: StepState) -> Ask:
    assert step.approval is not None
    return Ask(
        "approval", step.id, "awaiting_approval", title_in(run, step.id), step.approval.request.question
    )


def _verdict(run: Run, step: StepState) -> Ask:
    return Ask("verdict", step.id, "awaiting_verdict", title_in(run, step.id), run.attention[step.id].reason)


def _direction(run: Run) -> Iterator[Ask]:
    if not run.direction_asked:
        return
    reason = run.faults[-1].reason if run.faults else ""
    made = f"It was repaired {counted(run.repairs, 'time')} by itself already. " if run.repairs else ""
    yield Ask(
        "direction",
        "",
        "needs_attention",
        "Repair, undo everything, or go on?",
        detail=reason,
        advice=f"{made}The saga leaves this to a person. The preview says what each way would do.",
        choices=(
            Choice("repair", "Repair", "Undo only what is affected, and do that anew; the rest stays"),
            Choice(
                "replan",
                "Repair with a new plan",
                "The same, but the run pauses in between: change its plan, then resume",
            ),
            Choice("undo", "Undo everything", "In the order of the preview"),
            Choice("forward", "Go on", "What failed is retried, marked as done or skipped, one by one"),
        ),
        label="Which way",
        reason_label="Why",
    )


def _stuck(run: Run, step: StepState) -> Ask:
    return Ask(
        "stuck_after_pivot",
        step.id,
        "failed",
        f"{title_in(run, step.id)} failed, and the run goes forward only",
        detail=step.reason,
        choices=(
            Choice("retry", "Try again", "With the same key"),
            Choice("done", "It was done by hand", "Say where it can be seen; steps after it go on"),
            Choice("skip", "Skip it", "Steps that need it are skipped, too"),
        ),
        reason_label="Reason or evidence",
    )


def _late(run: Run, step: StepState) -> Ask:
    return Ask(
        "late_success",
        step.id,
        "comp_failed",
        f"{title_in(run, step.id)} took effect once too often",
        detail=step.reason,
        advice="An attempt that had been given up landed after all. The run does not end before this is settled.",
        choices=(
            Choice("retry", "Try to undo it", "By that attempt's own result"),
            Choice("done", "It is settled", "It was undone by hand, or there is only the one that counts"),
            Choice("skip", "Leave it as it is", "It is listed with the run as an exception"),
        ),
        reason_label="Reason or evidence",
        request=step.late.output if step.late else None,
    )


def no_plan(run: Run, step: StepState) -> Ask:
    """Return the question that is left where no proposed plan was admitted."""
    return Ask(
        "replan",
        step.id,
        "needs_attention",
        f"The rest needs a plan, and none was found for {title_in(run, step.id)}",
        detail=run.attention[step.id].reason,
        advice="Change the plan yourself (above), or choose. Nothing begins before that.",
        choices=(
            Choice("retry", "Ask the planner again", "From the start: what is affected first"),
            Choice("keep", "Go on as planned", "What was undone is done anew as it was"),
            Choice("skip", f"Go on without {title_in(run, step.id)}", "Steps that need it are skipped, too"),
            Choice("cancel", "Undo everything", "The run goes back as a whole"),
        ),
        reason_label="Why",
        request=run.saga.document(),
    )


def _limit(run: Run) -> Iterator[Ask]:
    if run.limit is None or run.fault is not None or run.direction == "undo":
        return
    stated = _stated(run, run.limit.limit)
    unit = (
        "USD" if run.limit.limit == "cost_usd" else run.limit.limit.removesuffix("s" if stated == 1 else "")
    )
    more = f"{stated:,.10g} {unit} more, counted from now"
    yield Ask(
        "limit",
        "",
        "needs_attention",
        "A limit of this run is reached",
        detail=in_words(run.limit),
        advice="Calls under way go on; nothing new starts until somebody says so.",
        choices=(
            Choice("grant", "Let it go on", more),
            Choice("cancel", "Cancel the run", "What was done is undone"),
        ),
        reason_label="Why",
    )


def _stated(run: Run, limit: LimitName) -> float:
    """Return how much the saga states: as much again is what a person grants."""
    return float(run.saga.max_events if limit == "events" else getattr(run.saga.budget, limit))


def _locks(run: Run, step: StepState, now: datetime) -> Iterator[Ask]:
    if step.status == "awaiting_locks" and step.due is not None:
        held = listed(step.wanted)
        yield Ask(
            "locks",
            step.id,
            "awaiting_locks",
            f"{title_in(run, step.id)} waits for {held}",
            advice=f"Another run holds it until it ends. The step gives up in {rounded(max(step.due - now, timedelta(0)))}.",
        )


def _signal(run: Run, step: StepState, awaits: tuple[str, str]) -> Ask:
    """Return what a step waits for, with what would fit its schema to send."""
    name, key = awaits
    about = f" for {key}" if key else ""
    until = f"It waits until {clock(step.due)} UTC." if step.due else "It waits for as long as it takes."
    required = (step.definition.output or {}).get("required", [])
    sample = json.dumps(dict.fromkeys(required, "")) if isinstance(required, list) else "{}"
    return Ask(
        "signal",
        step.id,
        "waiting",
        f"{title_in(run, step.id)} waits for {name}{about}",
        sample,
        until,
        request=awaits,
    )


def _waiting(run: Run, step: StepState, now: datetime) -> Iterator[Ask]:
    """Yield what needs nobody, but can be hurried or should be known."""
    going = {"retry_wait": step.attempts, "compensating": step.undos}.get(step.status)
    if going and step.due is not None and step.due > now:
        last = going[-1].result
        what = "The undo of " if step.status == "compensating" else ""
        yield Ask(
            "retry",
            step.id,
            step.status,
            f"{what}{title_in(run, step.id)} is tried again in {rounded(step.due - now)}",
            detail=last.error if last else "",
            advice=f"Try {len(going) + 1}",
            blocked=refusal(run, TryNow(step=step.id), now),
        )
    settling = step.status == "unknown" or (step.status == "to_compensate" and step.unresolved)
    if settling and step.id not in run.attention and step.settles_at is not None and step.settles_at > now:
        yield Ask(
            "looking",
            step.id,
            "unknown",
            f"Nobody knows yet whether {title_in(run, step.id)} took effect",
            detail=step.attempts[-1].result.error if step.attempts[-1].result else "",
            advice=f"It may still land until {clock(step.settles_at)} UTC; the engine looks then.",
        )
