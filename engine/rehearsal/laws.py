"""The laws of a finished run, one function each, written from the log and the ledger alone.

A law is a function named by its number. It returns how many things it had to judge, so that a law
which never had anything to judge can be told from one that held. A new law is one more function here
or in a sibling (`laws_calls`, `laws_back`), and its name in `LAWS` (see `checker`).
"""

from __future__ import annotations

from engine.core import events as e
from engine.core.document import saga_from_document
from engine.core.errors import SagaError
from engine.core.events import RECORDED, Recorded
from engine.core.evolve import replay
from engine.rehearsal.evidence import Evidence
from engine.rehearsal.verdict import expect


def L02_completed_means_each_effect_exactly_once(seen: Evidence) -> int:
    """A committed step took effect once; one that was skipped, dropped, or failed and was handled, not at all."""
    if seen.ending != "completed":
        return 0
    for name in seen.shape.steps:
        around = [seen.last_word.get(frame.composite) for frame in seen.shape.around(name)]
        if all(said == "committed" for said in around):
            said, fine = seen.last_word.get(name), {"committed", "skipped", "handled"}
            expect(said in fine or seen.shape.is_dropped(name), "L02", f"completed, and '{name}' is {said}")
    judged = [name for name in seen.acting if name not in seen.left]
    for name in judged:
        failed = any(seen.last_word.get(frame.composite) == "handled" for frame in seen.shape.around(name))
        counts = seen.last_word.get(name) == "committed" and not seen.shape.is_dropped(name)
        expect(not (failed and counts), "L02", f"completed, and '{name}' counts inside a step that failed")
        count, said = len(seen.there(name)), seen.last_word.get(name)
        expect(count == (said == "committed"), "L02", f"'{name}' is {said} with {count} effects")
    return len(judged)


def L03_compensated_means_the_world_is_back(seen: Evidence) -> int:
    """Nothing is left, late landings included; what a person or the definition excused is named."""
    if not seen.ending.startswith("compensated"):
        return 0
    for name in seen.acting:
        count, said = len(seen.there(name)), seen.last_word.get(name)
        excepted = said == "excused" or name in seen.left
        allowed = seen.ending == "compensated_with_exceptions" and excepted
        expect(not count or allowed, "L03", f"'{name}' is {said}, and {count} of its effects are left")
    return len(seen.acting)


def L04_completed_or_compensated_never_both(seen: Evidence) -> int:
    """A run that went back does not complete, and one that did not go back is not compensated."""
    went_back = any(chosen.direction == "undo" for _, chosen in seen.all(e.DirectionChosen))
    repaired = any(True for _ in seen.all(e.StepsRedone))
    undone = any(True for _ in seen.all(e.StepUndone)) and not repaired
    expect(not (seen.ending == "completed" and (went_back or undone)), "L04", "it went back and completed")
    compensated = seen.ending.startswith("compensated")
    expect(not compensated or went_back, "L04", "compensated, and nobody chose to go back")
    return 1


def L19_an_old_prefix_never_changes(seen: Evidence) -> int:
    """Each event still says what it said when it was written down."""
    for recorded, line in zip(seen.log, seen.lines, strict=True):
        now = RECORDED.dump_json(recorded)
        expect(now == line, "L19", f"event {recorded.seq} was changed after it was written")
    return len(seen.log)


def L20_no_amendment_touches_what_has_begun(seen: Evidence) -> int:
    """A step with an intent is in each later plan as it was when it was intended (R27)."""
    begun: dict[str, object] = {}
    judged = 0
    for recorded, shape in seen.shapes():
        event = recorded.event
        if isinstance(event, e.AttemptIntended) and event.phase == "forward":
            begun[event.step] = shape.plan.steps[_outermost(event.step)]
        elif isinstance(event, e.StepsRedone):
            begun = {name: step for name, step in begun.items() if name not in event.steps}
        elif isinstance(event, e.PlanAmended):
            new = saga_from_document(event.document)
            judged += 1
            changed = [name for name, step in begun.items() if new.steps.get(_outermost(name)) != step]
            expect(not changed, "L20", f"the amendment at {recorded.seq} changes {changed}")
    return judged


def _outermost(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def L23_the_log_is_contiguous_and_closes_once(seen: Evidence) -> int:
    """The places count from 1 without gaps; the closing event is the last and the only one."""
    expect([r.seq for r in seen.log] == list(range(1, len(seen.log) + 1)), "L23", "the log has a gap")
    closing = [r.seq for r in seen.log if r.event.type in e.CLOSING]
    expect(closing == [len(seen.log)], "L23", f"closing events at {closing} of {len(seen.log)}")
    return 1


def L24_the_fold_is_total(seen: Evidence) -> int:
    """A log with an event cut out, doubled or swapped with the next folds, or is refused in words."""
    log, chance = list(seen.log), len(seen.lines[-1])
    at = chance % max(len(log) - 1, 1)
    damages = (log[:at] + log[at + 1 :], log[: at + 1] + log[at:], _swapped(log, at))
    damaged = damages[chance % len(damages)]
    renumbered = [Recorded(seq=n, at=x.at, event=x.event) for n, x in enumerate(damaged, 1)]
    try:
        replay(seen.first, renumbered)
    except (SagaError, LookupError):
        return 1
    except Exception as error:  # noqa: BLE001 - whatever else it raises is the finding
        expect(False, "L24", f"a damaged log (at {at}) breaks the fold: {error!r}")
    return 1


def _swapped(log: list[Recorded], at: int) -> list[Recorded]:
    return log[:at] + log[at : at + 2][::-1] + log[at + 2 :]
