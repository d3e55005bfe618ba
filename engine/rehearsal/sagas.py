"""Random small sagas: every policy that a definition can hold, drawn from a tape."""

from __future__ import annotations

from typing import Any

from engine.core.checks import publish_problems
from engine.core.composites import COMPOSITES
from engine.core.document import saga_from_document
from engine.core.saga import Saga
from engine.rehearsal.disrupting import disrupted
from engine.rehearsal.sagas_checked import between_steps, fallbacks, validators
from engine.rehearsal.sagas_choreographed import choreograph
from engine.rehearsal.sagas_composed import Composer, sound
from engine.rehearsal.sagas_replanned import replan_policy
from engine.rehearsal.tape import SAGA_BYTES, Tape, chance

Json = Any
Document = dict[str, Any]
_PROBE: Document = {"with": {"url": "http://world/look"}, "timeout_s": 5}


def saga_at(*place: object) -> Saga:
    """Return the random saga that belongs to a place, such as a seed and an index."""
    bytes_ = chance("saga", *place)
    while True:
        saga = random_saga(Tape(bytes_.randbytes(SAGA_BYTES)))
        if saga is not None:
            return saga


_PAUSES = (3, 0, 20, 7, 1, "${app.n}", "${app.n + 2}", "${app.nothing}")
_NEWS: tuple[Document, ...] = (
    {"timeout_s": 20}, {"key": "k1", "timeout_s": 5}, {"key": "k${app.n}", "timeout_s": 30, "on_timeout": "continue"},
    {"timeout_s": "${app.n + 9}"}, {"key": "k1"}, {"key": "${app.nothing}", "timeout_s": 9}, {},
)  # fmt: skip


def random_saga(tape: Tape) -> Saga | None:
    """Return a random saga that may be published, or None where the draw was not fit to be one."""
    steps: Document = {}
    after_pivot: set[str] = set()
    pivot: str | None = None
    count = 3 + tape.below(6)
    pivot_at = tape.below(2 * count)
    composed = tape.often(75)
    mended = composed and tape.often(75)
    composer = Composer(_step, _needs)
    for index in range(count):
        name = f"s{index}"
        needs = _needs(tape, steps)
        names = [n for n in steps if needs is not None and n in str(needs).replace(".", " ")]
        plain = isinstance(needs, list)
        if any(n in after_pivot or n == pivot for n in names):
            after_pivot.add(name)
            step = _late_step(tape, sure=plain)
        elif index == pivot_at:
            pivot = name
            step = {**_call("pay"), "effect": "pivot", **_care(tape)}
            step |= {"probe": _PROBE} if tape.often(50) else {}
            if composed and tape.often(30):
                step = composer.nested(tape, (), 1, pays=True)
        elif composed and tape.often(60):
            step = composer.composite(tape, [n for n in names if plain and n in (needs or ())])
        else:
            step = _step(tape)
        if needs:
            step["needs"] = needs
        steps[name] = step
    if tape.often(40):
        choreograph(tape, steps)
    document = {"saga": "random", "steps": steps, **_policies(tape, steps, pivot=pivot is not None)}
    saga = saga_from_document(sound(document) if mended else document)
    problems = [p for p in publish_problems(saga) if p.severity == "error"]
    return None if problems else saga


def _policies(tape: Tape, steps: Document, *, pivot: bool) -> Document:
    """Return what a random saga says of itself as a whole."""
    document: Document = {
        "app": {"n": 0},
        "parallel": 1 + tape.below(4), "parallel_undo": 1 + tape.below(3),
        "recovery": tape.pick(["compensate", "compensate", "ask", "repair", "repair"]), "max_repairs": 1 + tape.below(3),
        "output": tape.pick([{}, {"n": "${app.n}"}, {"x": "${app.nothing}"}]),
    }  # fmt: skip
    if tape.often(15):
        limit: Document = tape.pick(
            [{"calls": 1 + tape.below(6)}, {"minutes": 10}, {"tokens": 1 + tape.below(30)}]
        )
        document["budget"] = {**limit, "on_limit": tape.pick(["stop", "pause", "ask"])}
    if tape.often(15):
        document["invariants"] = [{"name": "few", "rule": f"app.n < {1 + tape.below(4)}"}]
    if tape.often(25):
        document |= between_steps(tape, steps)
    if tape.often(20):
        document |= disrupted(tape, list(steps))
    if not pivot and tape.often(25):
        document["deadline_s"] = 1 + tape.below(120)
    if document["recovery"] != "compensate" and tape.often(60):
        document["replan"] = replan_policy(tape)
    return document


def _call(function: str, **args: Json) -> Document:
    return {"kind": "python", "with": {"function": function, "args": args}}


def _needs(tape: Tape, steps: Document) -> list[str] | str | None:
    earlier = list(steps)
    if not earlier:
        return None
    chosen = sorted({tape.pick(earlier[::-1]) for _ in range(1 + tape.below(3))})
    terms = [_term(tape, name, steps[name]) for name in chosen]
    match tape.below(9):
        case 4 if len(terms) > 1:
            return f"{1 + tape.below(len(terms))} of ({', '.join(terms)})"
        case 5:
            return " || ".join(terms)
        case 6:
            return " && ".join([*terms[:-1], f"!{terms[-1]}"])
        case 7:
            return None
    return terms


def _term(tape: Tape, name: str, step: Document) -> str:
    """Return what is asked of an earlier step: that it committed, chose a branch, or ended otherwise."""
    if step["kind"] == "route" and tape.often(70):
        return f"{name}.{tape.pick(['left', 'right'])}"
    if tape.often(30 if step["kind"] in COMPOSITES else 12):
        return f"{name}.{tape.pick(['failed', 'timed_out', 'skipped'])}"
    return name


def _care(tape: Tape) -> Document:
    """Return how carefully a step is tried: retries, windows, keys."""
    return {
        "retry": {"max_attempts": 1 + tape.below(3), "backoff_s": tape.below(3)},
        "timeout_s": 5 + tape.below(10), "settle_s": tape.below(5),
        "key_ttl_s": tape.pick([86400, 0, 15, 40]),
    }  # fmt: skip


def _late_step(tape: Tape, *, sure: bool) -> Document:
    kind = tape.below(4)
    if kind in {0, 3} and sure:
        return {**_call("send"), "effect": "retriable", **_care(tape)}
    if kind == 2:
        return {"kind": "wait", "with": {"duration_s": tape.below(20)}}
    return _call("read")


def _step(tape: Tape) -> Document:
    kind = tape.below(10)
    if kind <= 4:
        step = _book(tape)
    elif kind == 6:
        policy = {
            "expires_s": 5 + tape.below(60), "on_expire": tape.pick(["deny", "approve"]),
            "on_deny": tape.pick(["fault", "continue"]), "quorum": 1 + tape.below(2), "four_eyes": tape.often(30),
        }  # fmt: skip
        step = {"kind": "approval", "with": policy}
    elif kind == 7:
        step = {
            "kind": "wait",
            "with": tape.pick(
                [*({"duration_s": s} for s in _PAUSES), *({"event": "news"} | more for more in _NEWS)]
            ),
        }
        if "event" in step["with"] and tape.often(30):
            step["output"] = {"type": "object", "required": ["good"]}
    elif kind == 8:
        rules = [
            {
                "when": tape.pick(["true", "app.n > 0", "app.n > 0", "true", "app.n > 1", "app.nothing"]),
                "to": "left",
            }
        ]
        step = {"kind": "route", "with": {"branches": ["left", "right"], "rules": rules, "default": "right"}}
    else:
        step = {**_call("read"), "retry": {"max_attempts": 1 + tape.below(3)}}
        if tape.often(50):
            step["validate"] = validators(tape, readonly=True)
        if tape.often(25):
            step["fallback"] = fallbacks(tape)
    return _with_trimmings(tape, step)


def _with_trimmings(tape: Tape, step: Document) -> Document:
    if tape.often(15):
        step["when"] = tape.pick(
            [
                "run.by == 'ann'",
                "run.by != 'ann'",
                "app.n > 1",
                "app.n < 2",
                "run.by == 'ann'",
                "app.nothing == 1",
                "app.n",
            ]
        )
    if step["kind"] == "python" and tape.often(20):
        step["approval"] = {
            "when": tape.pick(["true", "app.n > 0", "true", "app.n > 0", "app.nothing"]), "quorum": 1 + tape.below(2),
            "question": tape.pick(["Go?", "Go at ${app.n}?", "Go?", "Go now?", "Go at ${app.nothing}?"]), "four_eyes": tape.often(30),
        }  # fmt: skip
        if tape.often(50):
            step["approval"] |= {"expires_s": 5 + tape.below(30), "on_expire": tape.pick(["deny", "approve"])}
    if tape.often(25):
        step["writes"] = {"n": tape.pick([*["app.n + 1"] * 14, "app.nothing", "1 / (app.n - app.n)"])}
        step["commutative"] = tape.often(20)
    if step["kind"] == "python" and tape.often(15):
        step["locks"] = tape.pick(
            [["seat"], ["seat", "aisle"], ["seat:${app.n}"], ["aisle"], ["seat"], ["${app.nothing}"]]
        )
        step["lock_wait_s"] = 1 + tape.below(60)
    if step["kind"] == "python" and tape.often(10):
        step["with"]["args"] = {
            "x": tape.pick(["${app.n}", "${app.n}", "${app.nothing}", "${attempt}", "${attempt}"])
        }
    return step


def _book(tape: Tape) -> Document:
    step = {**_call("book"), "effect": "compensatable", **_care(tape)}
    if tape.often(10):
        return step | {"compensate": "none", "compensate_reason": "it can't be"}
    by_output = tape.often(40)
    args = {"id": "${output.id}"} if by_output else {"key": "${key}"}
    if tape.often(15):
        args["n"] = "${app.n}"
    if tape.often(5):
        args["bad"] = tape.pick(["${app.nothing}", "${output.nothing}"])
    step["compensate"] = {
        **_call("undo", **args), "retry": {"max_attempts": 1 + tape.below(3), "backoff_s": tape.below(2)}
    }  # fmt: skip
    if tape.often(20):
        step["compensate"]["writes"] = {"n": tape.pick(["app.n - 1", "app.nothing"])}
    if tape.often(50):
        step["probe"] = {
            **_PROBE,
            **tape.pick([{}, {"landed": "output.found"}, {"landed": "output.nothing"}]),
        }
    if tape.often(40):
        step["validate"] = validators(tape, readonly=False)
    return step
