"""The events that a person follows in a terminal, each as a mark, words and a colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.core.limits import in_words
from ui.models.run_events import caused, words_of

Line = tuple[str, str, str | None]

_LINES: dict[str, Callable[[Any], Line]] = {
    "step_committed": lambda e: ("✓", e.step + caused(e), "green"),
    "step_failed": lambda e: ("✗", f"{e.step}: {words_of(e)}", "yellow"),
    "step_skipped": lambda e: ("·", f"{e.step} skipped: {e.reason}", None),
    "approval_requested": lambda e: (
        "?",
        f"{e.step} waits for {e.group or 'approval'}: {e.question}",
        "yellow",
    ),
    "retry_scheduled": lambda e: ("↻", f"{e.step} is tried again: {e.reason}", "yellow"),
    "faulted": lambda e: ("✗", f"{e.step or 'run'}: {e.reason}", "red"),
    "direction_asked": lambda _: ("?", "undo everything, repair, or go on? the Run page asks", "yellow"),
    "direction_chosen": lambda e: ("↶", f"steps to undo: {len(e.plan)} ({e.reason})", "magenta"),
    "steps_stale": lambda e: ("!", words_of(e), "yellow"),
    "plan_amended": lambda e: ("✎", words_of(e), "blue"),
    "replan_begun": lambda e: ("✎", words_of(e), "blue"),
    "plan_proposed": lambda e: ("?", words_of(e), "blue"),
    "plan_refused": lambda e: ("✗", words_of(e), "yellow"),
    "plan_kept": lambda e: ("✎", words_of(e), "blue"),
    "steps_redone": lambda e: ("↻", words_of(e), "blue"),
    "step_undone": lambda e: ("↶", f"{e.step}: {e.reason}", "magenta"),
    "step_excused": lambda e: ("!", f"{e.step}: {e.how} by {e.by}: {e.reason}", "yellow"),
    "late_landed": lambda e: ("!", f"{e.step}: {e.reason}", "yellow"),
    "late_undone": lambda e: ("↶", f"{e.step}, what came late: {e.reason}", "magenta"),
    "locks_wanted": lambda e: ("?", f"{e.step} waits for {', '.join(e.keys)}", "yellow"),
    "frames_opened": lambda e: ("»", f"{e.step}: {words_of(e)}", "blue"),
    "frame_dropped": lambda e: ("!", f"{e.step}: {words_of(e)}", "yellow"),
    "round_ended": lambda e: ("↻", f"{e.step}: {words_of(e)}", "blue"),
    "gathered": lambda e: ("∑", f"{e.step}: {words_of(e)}", None),
    "limit_reached": lambda e: ("!", in_words(e), "yellow"),
    "verdict_given": lambda e: ("!", f"{e.step}: {words_of(e)}", "yellow"),
    "output_augmented": lambda e: ("+", f"{e.step}: {words_of(e)}", "blue"),
    "fallback_taken": lambda e: ("↓", f"{e.step}: {words_of(e)}", "yellow"),
    "app_restored": lambda e: ("!", words_of(e), "yellow"),
    "signal_received": lambda e: ("⚑", words_of(e), "blue"),
    "help_needed": lambda e: ("!", f"{e.step}: {e.reason}", "red"),
    "disrupted": lambda e: ("⚡", words_of(e), "yellow"),
    "disruption_struck": lambda e: ("!", words_of(e), "yellow"),
    "disruption_ended": lambda e: ("·", words_of(e), None),
    "assumption_judged": lambda e: ("?", words_of(e), "yellow"),
    "noted": lambda e: ("·", e.text, None),
}
_TIMES: Final[dict[str, tuple[str, str | None]]] = {
    "clock_set": ("·", None),
    "activity_begun": ("▸", None),
    "times_changed": ("!", "yellow"),
    "activity_revised": ("!", "yellow"),
}


def event_line(event: Any, *, clock: bool = True) -> Line | None:
    """Return mark, words and colour of the events that a person follows; None for the rest.

    `clock` is whether virtual moments are times of day.
    """
    if event.type in _TIMES:
        mark, colour = _TIMES[event.type]
        whose = f"{event.step}: " if getattr(event, "step", "") else ""
        return mark, f"{whose}{words_of(event, clock=clock)}", colour
    if event.type == "direction_chosen" and event.direction == "forward":
        return "→", f"going on: {event.reason}", "yellow"
    if event.type == "direction_chosen" and event.direction == "repair":
        return "↶", words_of(event), "magenta"
    if event.type == "verdict_given" and event.verdict == "accept" and not event.by:
        return None
    if event.type == "step_failed" and not event.handled:
        return None  # the fault that follows says it
    return _LINES[event.type](event) if event.type in _LINES else None
