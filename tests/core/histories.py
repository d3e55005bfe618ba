"""Representative runs, kept as files in `tests/histories`: what was recorded once must fold for ever.

`python -m tests.core.histories` writes the ones that are missing. A file is never written anew: a new kind of
event gets a new run and so a new file.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from engine.core import commands as c
from engine.core import events as e
from engine.core.document import saga_from_document
from tests.core.harness import Play

FOLDER = Path(__file__).parent.parent / "histories"


def state_of(run):
    """Return what a fold must give, as plain JSON."""
    return {
        "status": run.status, "direction": run.direction, "paused": run.paused, "seq": run.seq, "app": run.app,
        "output": run.output, "cost_usd": run.cost_usd, "tokens": run.tokens, "attempts": run.attempts,
        "plan": list(run.plan), "exceptions": run.exceptions, "left_behind": list(run.left_behind),
        "attention": {name: asked.kind for name, asked in run.attention.items()},
        "locks": run.locks, "allowed": run.allowed,
        "fault": None if run.fault is None else [run.fault.source, run.fault.step, run.fault.reason],
        "steps": {
            step.id: {
                "status": step.status, "output": step.output, "reason": step.reason,
                "outcomes": [[a.outcome, a.landed] for a in step.attempts],
                "undos": [[a.outcome, a.landed] for a in step.undos],
                "late": [late.status for late in step.lates],
                "approvals": [approval.status for approval in step.approvals],
                "verdicts": [[v.validator, v.verdict] for v in step.verdicts],
            }
            for step in run.steps.values()
        },
    }  # fmt: skip


def to_json(play):
    """Return a run as the document that is kept."""
    events = [
        {"seq": r.seq, "at": r.at.isoformat(), "event": e.EVENT.dump_python(r.event, mode="json")}
        for r in play.log
    ]
    return {"saga": play.saga.document(), "events": events, "state": state_of(play.run)}


def from_json(document):
    """Return the saga, the history and the state of a kept run."""
    history = [
        e.Recorded(
            seq=r["seq"], at=datetime.fromisoformat(r["at"]), event=e.EVENT.validate_python(r["event"])
        )
        for r in document["events"]
    ]
    return saga_from_document(document["saga"]), history, document["state"]


def completed():
    play = Play(
        "input: {n: {type: integer, default: 2}}\napp: {sum: 0}\noutput: {sum: '${app.sum}'}\n"
        "invariants: [{name: small, rule: app.sum < 10}]\n"
        "steps: {a: {<read>, writes: {sum: app.sum + run.input.n}, output: {type: object}},"
        " b: {<book>, needs: a, validate: [{name: good, rule: output.cost < 5}], writes: {sum: app.sum + output.cost}}}"
    )
    play.ok("a", output={}, meta={"cost_usd": 0.01, "tokens": 12})
    play.ok("b", output={"cost": 4})
    return play


def begun_at_once():
    play = Play("parallel: 1\nsteps: {a: {<read>}, b: {<read>}, c: {<book>, needs: [a, b]}}")
    play.ok("a")
    play.ok("b")
    play.ok("c")
    return play


def compensated():
    play = Play(
        "steps: {a: {<book>}, b: {<book>, needs: a}, c: {<book>, needs: a}, x: {<read>, needs: [b, c]}}"
    )
    play.ok("a", "b", "c")
    play.rejected("x", error="sold out")
    play.ok("c", "b")
    play.ok("a", empty=True)
    return play


def denied_by_the_second():
    play = Play("steps: {a: {<book>}, ask: {kind: approval, needs: a, with: {quorum: 2, question: 'Go?'}}}")
    play.ok("a")
    play.decide("ask", by="bob")
    play.decide("ask", "denied", by="cid", reason="too dear")
    play.ok("a")
    return play


def expired():
    play = Play(
        "steps: {yes: {kind: approval, with: {expires_s: 5, on_expire: approve}},"
        " no: {kind: approval, needs: yes, with: {expires_s: 5, on_deny: continue}},"
        " a: {<book>, needs: no, approval: {expires_s: 9}}}"
    )
    for _ in range(3):
        play.advance()
    return play


def found_by_a_probe():
    play = Play("steps: {a: {<pay>, <probe>, <once>, timeout_s: 3, settle_s: 1}, b: {<send>, needs: a}}")
    play.unknown("a")
    play.advance()
    play.ok("a", output={"id": 7})
    play.ok("b")
    return play


def same_key_again():
    play = Play("steps: {a: {<book>, <keys>}, x: {<read>, <once>, needs: a}}")
    play.unknown("a", error="timeout")
    play.do(c.Recover())
    play.advance()
    play.do(c.Recover())
    play.advance()
    play.ok("a")
    play.rejected("x")
    play.unknown("a")
    play.advance()
    play.ok("a")
    return play


def stuck_past_the_pivot():
    play = Play(
        "steps: {p: {<pay>}, s: {<send>, <once>, needs: p}, t: {<send>, <once>, needs: p}, u: {<send>, needs: s}}"
    )
    play.ok("p")
    play.rejected("s")
    play.rejected("t")
    play.do(c.TryNow(step="s", by="bob"))
    play.ok("s")
    play.do(c.MarkDone(step="t", reason="by hand", output={"n": 1}, by="bob"))
    play.ok("u")
    return play


def undo_failed():
    undo = "compensate: {kind: python, with: {function: undo}, retry: {max_attempts: 2, backoff_s: 1, jitter: 0}}"
    book = f"kind: python, with: {{function: book}}, effect: compensatable, {undo}"
    play = Play(f"steps: {{a: {{{book}}}, b: {{{book}}}, x: {{<read>, <once>}}}}")
    play.ok("a", "b")
    play.rejected("x")
    for name in ("b", "a"):
        play.failed(name)
    play.advance()
    play.failed("b")
    play.failed("a")
    play.do(
        c.TryNow(
            step="a", request={"function": "undo", "args": {"by": "hand"}}, reason="new address", by="bob"
        )
    )
    play.ok("a")
    play.do(c.Skip(step="b", reason="we keep it", by="bob"))
    return play


def abandoned():
    play = Play("steps: {a: {<book>}, x: {<read>, <once>}}")
    play.ok("a")
    play.rejected("x")
    play.rejected("a")
    play.do(c.Abandon(reason="the hotel is closed for ever", by="bob"))
    return play


def branches():
    play = Play(
        "app: {n: 1}\nsteps: {r: {kind: route, with: {branches: [x, y], rules: [{when: app.n > 1, to: x}], default: y}},"
        " a: {<read>, needs: r.x}, w: {kind: wait, needs: r.y, with: {duration_s: '${app.n + 4}'}},"
        " g: {<read>, needs: w, when: app.n > 3}, z: {<read>, needs: g || w}}"
    )
    play.ok("r", output={"branch": "y"})
    play.advance()
    play.ok("z")
    return play


def told_from_outside():
    """A signal that comes early, one in time, and one that never comes."""
    play = Play(
        "input: {order: {type: string}}\nsteps: {a: {<read>}, v: {kind: wait, needs: a, with: {event: paid, key: '${run.input.order}'}},"
        " w: {kind: wait, needs: v, with: {event: sent, timeout_s: 60}, output: {type: object}},"
        " x: {kind: wait, needs: w, with: {event: back, timeout_s: 9}}, y: {<read>, needs: x.timed_out},"
        " z: {kind: wait, needs: y, with: {until: '2026-02-01'}}}",
        order="o1",
    )
    play.do(c.Signal(id="1", name="paid", key="o1", payload={"sum": 3}, by="shop"))
    play.ok("a")
    play.do(c.Signal(id="2", name="sent", payload={"by": "post"}, by="bob"))
    play.advance()
    play.ok("y")
    play.advance()
    return play


def late():
    play = Play(
        "steps: {a: {kind: python, with: {function: book}, effect: compensatable, key_ttl_s: 0, timeout_s: 5, settle_s: 1,"
        " <probe>, compensate: {kind: python, with: {function: undo, args: {id: '${output.id}'}}}}, x: {<read>, needs: a}}"
    )
    play.unknown("a")
    play.advance()
    play.ok("a", empty=True)
    play.advance()
    play.ok("a", output={"id": 2})
    play.do(c.Report(step="a", phase="forward", attempt=1, outcome="ok", output={"id": 1}))
    play.rejected("x")
    for name in list(play.open()):
        play.ok(name.split()[-1])
    while play.open():
        play.ok(play.open()[0].split()[-1])
    return play


def limits_and_locks():
    play = Play(
        "budget: {calls: 2, on_limit: ask}\nsteps: {a: {<book>, locks: [car]}, b: {<read>, <once>}, c: {<read>, needs: b.failed},"
        " d: {<read>, needs: '2 of (a, b, c)'}}"
    )
    play.do(c.GrantLocks(step="a"))
    play.failed("b")
    play.do(c.GrantLimit(reason="it is worth it", by="bob"))
    while play.open():
        play.ok(play.open()[0])
    return play


def meddled_with():
    play = Play(
        "recovery: ask\nsteps: {a: {<book>, <keys>}, b: {kind: approval, needs: a}, c: {<book>, needs: b, approval: {}}}"
    )
    play.do(c.Pause(by="bob"))
    play.do(c.Disrupt(what={"kind": "delay", "step": "a", "delay_s": 2}, by="bob"))
    play.failed("a")
    play.do(c.Resume(by="bob"))
    play.do(c.TryNow(step="a", by="bob"))
    play.ok("a")
    play.do(c.Cancel(reason="changed my mind", by="bob"))
    play.do(c.ChooseDirection(direction="forward", reason="no, go on", by="bob"))
    play.decide("b")
    play.decide("c")
    play.ok("c")
    return play


def checked():
    rule = "name: zone, rule: has(output.zone), on_fail: augment, add: {zone: CET}"
    judge = "name: judge, kind: judge, rubric: Is it good?, votes: 2, on_fail: ask"
    play = Play(
        f"app: {{n: 0}}\nsteps: {{a: {{<read>, writes: {{n: '7'}}, validate: [{{{rule}}}, {{{judge}}}]}},"
        " b: {<read>, <once>, needs: a, fallback: [{kind: value, value: {n: 1}}]}, c: {<read>, needs: b}}"
    )
    play.ok("a", output={"cost": 4})
    play.ok(
        "a", output={"accept": True, "evidence": "fine", "add": None}, meta={"cost_usd": 0.01, "tokens": 40}
    )
    play.failed("a", error="the model is down")
    play.advance()
    play.ok("a", output={"accept": False, "evidence": "too dear", "add": None})
    play.do(c.GiveVerdict(step="a", decision="accept", reason="it is not", by="bob"))
    play.failed("b", error="down")
    play.do(c.Pause(by="bob"))
    play.ok("c")
    return play


def restored():
    play = Play("app: {n: 0}\nsteps: {a: {<read>, writes: {n: '7'}}, b: {<book>, needs: a, <keys>}}")
    play.ok("a")
    play.do(c.Pause(by="bob"))
    play.failed("b")
    play.do(c.RestoreApp(seq=2, reason="it was counted twice", by="bob"))
    play.do(c.Resume(by="bob"))
    play.advance()
    play.ok("b")
    return play


def repaired():
    play = Play(
        "recovery: repair\napp: {n: 0}\nsteps: {a: {<book>, writes: {n: app.n + 1}}, b: {<book>, needs: a, <keys>, timeout_s: 5, settle_s: 1},"
        " c: {<book>, needs: a}, x: {<read>, <once>, needs: [b, c]}}"
    )
    play.ok("a")
    play.ok("b", output={"id": 1})
    play.do(c.MarkStale(steps=("b",), reason="the price has changed", by="bob"))
    play.ok("c")
    play.ok("b")
    play.unknown("b")
    play.advance()
    play.ok("b", output={"id": 2})
    play.rejected("x", error="sold out")
    play.ok("x")
    return play


def amended():
    play = Play("recovery: ask\nsteps: {a: {<book>}, h: {<book>, <once>, needs: a}, x: {<read>, needs: h}}")
    play.ok("a")
    play.rejected("h", error="the hotel is closed")
    play.do(c.ChooseDirection(direction="repair", replan=True, by="bob"))
    document = play.run.saga.document()
    hostel = {**document["steps"].pop("h"), "title": "Hostel"}
    document["steps"] = {
        "a": document["steps"]["a"],
        "hostel": hostel,
        "x": {**document["steps"]["x"], "needs": ["hostel"]},
    }
    play.do(c.Amend(document=document, reason="there is a hostel next door", by="zoe"))
    play.do(c.Resume(by="bob"))
    play.ok("hostel")
    play.ok("x")
    return play


def timetabled():
    """A timetable that people set, change and revise, and that is planned anew."""
    play = Play("""
recovery: repair
clock: {start: "12:00", speed: 1, replan: look}
disruptions: [{name: alert, kind: travel_time_multiplier, scope: {legs_touching: B}, magnitude: 3, known_at: "12:10"}]
steps:
  look: {<read>}
  plan: {<read>, needs: look, schedules: output}
""")
    way = {"kind": "activity", "with": {"kind": "drive", "from": "A", "to": "B", "minutes": 30}}
    stop = {"kind": "activity", "needs": ["way"], "with": {"place": "B", "minutes": 15}}
    play.ok("look")
    play.ok("plan", output={"activities": {"way": way, "stop": stop}})
    play.do(c.SetClock(by="ann", speed=10))
    while not play.events("steps_redone"):
        play.advance()
    play.ok("look")
    stop["with"]["minutes"] = 5
    play.ok("plan", output={"activities": {"stop": stop}})
    play.do(c.ReviseActivity(by="ann", step="way", until="12:45", reason="a short cut"))
    play.do(c.SetClock(by="ann", jump=True))
    play.advance()
    return play


def disrupted():
    play = Play(
        "recovery: repair\nassumptions: [{name: walk, value: 30, otherwise: 0}]\napp: {n: 0}\n"
        "disruptions: [{when: {after: a}, what: {kind: fail, step: b}}]\n"
        "steps: {a: {<book>, writes: {n: app.n + output.cost}}, b: {<book>, needs: a, <keys>}, c: {kind: python, needs: b,"
        " with: {function: read, args: {n: '${steps.a.output.cost}', walk: '${assume.walk}'}}}, q: {kind: approval, needs: c}}"
    )
    play.do(c.Disrupt(what={"kind": "budget", "limit": "calls", "allowed": 50}, by="bob"))
    play.ok("a", output={"cost": 2})
    play.failed("b", error="planted")
    play.advance()
    play.ok("b")
    play.ok("c")
    play.do(
        c.Disrupt(
            what={"kind": "fact", "path": "steps.a.output.cost", "factor": 2, "reason": "dearer"}, by="bob"
        )
    )
    play.ok("c")
    play.do(c.JudgeAssumption(path="assume.walk", accepted=False, reason="they drive", by="bob"))
    play.ok("c")
    first = next(recorded.seq for recorded in play.log if recorded.event.type == "disrupted")
    play.do(c.Lift(disruption=first, by="bob"))
    play.do(c.Disrupt(what={"kind": "cancelled_booking", "step": "b"}, by="bob"))
    play.ok("b", empty=True)
    play.ok("b")
    play.ok("c")
    play.decide("q")
    return play


def planned_anew():
    play = Play(
        "recovery: repair\nreplan: {by: {kind: python, with: {function: propose}}, rounds: 1,"
        " validate: [{name: cheap, rule: 'output.steps.h.timeout_s <= 60'}]}\n"
        "steps: {a: {<book>, <probe>}, h: {<book>, <once>, needs: a}, x: {<read>, needs: h}}"
    )
    play.ok("a", output={"id": 1})
    play.rejected("h", error="sold out")
    play.ok("a", output={"id": 1})  # a look at what is kept
    play.failed("", error="the solver is down")
    play.advance()
    play.ok("", output={"steps": {"h": {"timeout_s": 90}}, "reason": "more time"})
    play.do(c.TryNow(step="h", by="bob"))
    play.ok("", output={"steps": {"h": {"timeout_s": 40}}, "reason": "a little more time"})
    play.rejected("h", error="sold out again")
    play.ok("a", output={"id": 1})
    play.ok("", output={"steps": {}, "reason": "once more"})
    play.ok("h")
    play.ok("x")
    return play


def mapped():
    play = Play(
        "input: {cities: {type: array}}\nsteps: {map: {kind: map, with: {over: '${run.input.cities}', concurrency: 2, tolerate: 1},"
        " body: {steps: {book: {<book>}, look: {<read>, <once>, needs: book}}}}, last: {<read>, needs: map}}",
        cities=["ber", "cgn", "muc"],
    )
    play.ok("map.1.book", "map.2.book", output={"id": 1})
    play.rejected("map.2.look", error="no room")
    play.ok("map.3.book", output={"id": 3})
    play.ok("map.3.look", "map.1.look", output="fine")
    play.ok("map.2.book", "last")
    return play


def looped():
    play = Play(
        "steps: {refine: {kind: loop, with: {until: 'output >= 8', score: output, max_rounds: 5, on_end: ask},"
        " body: {steps: {write: {<read>}}}}, last: {<book>, <once>, needs: refine}}"
    )
    for number, score in enumerate((5, 7, 6, 7), start=1):
        play.ok(f"refine.{number}.write", output=score)
    play.do(c.GiveVerdict(step="refine", decision="accept", reason="good enough", by="bob"))
    play.rejected("last")
    return play


def nested():
    play = Play(
        "recovery: repair\nsteps: {stay: {kind: saga, with: {saga: child}, definition: {saga: child, app: {n: 0}, steps:"
        " {hotel: {<book>, writes: {n: app.n + 1}}, train: {<book>, needs: hotel}}, output: {n: '${app.n}'}}}, x: {<read>, <once>, needs: stay}}"
    )
    play.ok("stay.hotel", "stay.train", output={"id": 1})
    play.do(c.MarkStale(steps=("stay.train",), reason="a strike", by="bob"))
    play.ok("x")
    play.ok("stay.train")
    play.ok("stay.train", output={"id": 2})
    play.ok("x")
    return play


def asked_for_tools():
    play = Play(
        "steps: {ask: {kind: agent, with: {prompt: Help., max_calls: 2}, tools: {look: {description: Looks., input:"
        " {type: object, required: [q]}, step: {<read>, <once>}}, book: {description: Books., step: {<book>}}}}, x: {<read>, <once>, needs: ask}}"
    )
    play.ok("ask.1.think", output={"tool": "look", "arguments": {}})
    play.ok("ask.2.think", output={"tool": "book"})
    play.ok("ask.3.book", output={"id": 1})
    play.ok("ask.4.conclude", output={"tool": "answer", "answer": "done"})
    play.rejected("x")
    play.ok("ask.3.book")
    return play


def counted_at_once():
    play = Play("steps: {a: {<book>}, b: {<read>, needs: a}, c: {<read>, needs: b, output: {type: object}}}")
    play.ok("a", output={"n": 1})
    play.ok("b")
    play.ok("c", output={})
    return play


RUNS = (
    completed, compensated, denied_by_the_second, expired, found_by_a_probe, same_key_again, stuck_past_the_pivot,
    undo_failed, abandoned, branches, late, limits_and_locks, meddled_with,
    checked, restored, repaired, amended, timetabled, disrupted, planned_anew, told_from_outside,
    mapped, looped, nested, asked_for_tools, begun_at_once,
    counted_at_once,
)  # fmt: skip


def main():
    """Write the runs that have no file yet."""
    for make in RUNS:
        path = FOLDER / f"{make.__name__}.json"
        if not path.exists():
            path.write_text(
                json.dumps(to_json(make()), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
            )
            print("wrote", path)


if __name__ == "__main__":
    main()
