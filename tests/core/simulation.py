"""Random small sagas, a world that keeps a ledger of effects, and people: all driven by a tape of choices.

A tape is bytes; each choice reads one, and past its end every choice is the most harmless one (0).
So a failing example shrinks towards a short story in which nearly everything goes well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from engine.core import commands as c
from engine.core import events as e
from engine.core.checks import publish_problems
from engine.core.decide import turn
from engine.core.document import saga_from_document
from engine.core.errors import CommandRejected
from engine.core.evolve import evolve, replay
from engine.core.mend import missing
from engine.core.run import Run
from engine.core.saga import effect_of
from engine.core.schedule import wake_at
from tests.core.harness import T0

MAX_TURNS = 900


class Tape:
    """A finite source of choices; harmless once it is used up."""

    def __init__(self, data):
        self.data, self.position = data, 0

    @property
    def used_up(self):
        return self.position >= len(self.data)

    def pick(self, options):
        """Return one of the options; the first where the tape is used up or says 0."""
        return options[self.below(len(options))]

    def below(self, limit):
        if self.used_up:
            return 0
        self.position += 1
        return self.data[self.position - 1] % limit

    def often(self, percent):
        return self.below(100) >= 100 - percent


# ------------------------------------------------------------------ sagas


def random_saga(tape):
    """Return a random saga that may be published, or None where the draw was not fit to be one."""
    steps, after_pivot, pivot = {}, set(), None
    count = 3 + tape.below(6)
    pivot_at = tape.below(2 * count)
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
        else:
            step = _step(tape)
        if needs:
            step["needs"] = needs
        steps[name] = step
    document = {
        "saga": "random", "app": {"n": 0}, "input": {"yes": {"type": "boolean", "default": True}},
        "parallel": 1 + tape.below(4), "parallel_undo": 1 + tape.below(3), "steps": steps,
        "recovery": tape.pick(["compensate", "compensate", "ask"]),
        "output": tape.pick([{}, {"n": "${app.n}"}, {"x": "${app.nothing}"}]),
    }  # fmt: skip
    if tape.often(15):
        document["invariants"] = [{"name": "few", "rule": f"app.n < {1 + tape.below(4)}"}]
    if pivot is None and tape.often(25):
        document["deadline_s"] = 1 + tape.below(120)
    saga = saga_from_document(document)
    problems = [p for p in publish_problems(saga) if p.severity == "error"]
    return None if problems else saga


def _call(function, **args):
    return {"kind": "python", "with": {"function": function, "args": args}}


_PROBE = {"with": {"url": "http://world/look"}, "timeout_s": 5}


def _needs(tape, steps):
    earlier = list(steps)
    if not earlier:
        return None
    chosen = sorted({tape.pick(earlier[::-1]) for _ in range(1 + tape.below(3))})
    terms = [
        f"{n}.{tape.pick(['left', 'right'])}" if steps[n]["kind"] == "route" and tape.often(70) else n
        for n in chosen
    ]
    match tape.below(8):
        case 5:
            return " || ".join(terms)
        case 6:
            return " && ".join([*terms[:-1], f"!{terms[-1]}"])
        case 7:
            return None
    return terms


def _care(tape):
    """Return how carefully a step is tried: retries, windows, keys."""
    return {
        "retry": {"max_attempts": 1 + tape.below(3), "backoff_s": tape.below(3)},
        "timeout_s": 5 + tape.below(10), "settle_s": tape.below(5),
        "key_ttl_s": tape.pick([86400, 0, 15, 40]),
    }  # fmt: skip


def _late_step(tape, *, sure):
    kind = tape.below(4)
    if kind in {0, 3} and sure:
        return {**_call("send"), "effect": "retriable", **_care(tape)}
    if kind == 2:
        return {"kind": "wait", "with": {"duration_s": tape.below(20)}}
    return _call("read")


def _step(tape):
    kind = tape.below(10)
    if kind <= 4:
        step = _book(tape)
    elif kind == 6:
        policy = {
            "expires_s": 5 + tape.below(60), "on_expire": tape.pick(["deny", "approve"]),
            "on_deny": tape.pick(["fault", "continue"]), "quorum": 1 + tape.below(2),
        }  # fmt: skip
        step = {"kind": "approval", "with": policy}
    elif kind == 7:
        step = {"kind": "wait", "with": {"duration_s": tape.pick([3, 0, 20, "${app.n}", "${app.nothing}"])}}
    elif kind == 8:
        rules = [{"when": tape.pick(["true", "app.n > 0", "app.nothing"]), "to": "left"}]
        step = {"kind": "route", "with": {"branches": ["left", "right"], "rules": rules, "default": "right"}}
    else:
        step = {**_call("read"), "retry": {"max_attempts": 1 + tape.below(3)}}
        if tape.often(30):
            step["validate"] = [
                {"name": "good", "rule": "output.good", "on_fail": tape.pick(["retry", "reject"])}
            ]
    return _with_trimmings(tape, step)


def _with_trimmings(tape, step):
    if tape.often(15):
        step["when"] = tape.pick(
            ["run.input.yes", "!run.input.yes", "app.n > 1", "app.nothing == 1", "app.n"]
        )
    if step["kind"] == "python" and tape.often(20):
        step["approval"] = {
            "when": tape.pick(["true", "app.n > 0", "app.nothing"]), "quorum": 1 + tape.below(2),
            "question": tape.pick(["Go?", "Go at ${app.n}?", "Go at ${app.nothing}?"]),
        }  # fmt: skip
        if tape.often(50):
            step["approval"] |= {"expires_s": 5 + tape.below(30), "on_expire": tape.pick(["deny", "approve"])}
    if tape.often(25):
        step["writes"] = {"n": tape.pick(["app.n + 1", "app.n + 1", "app.nothing", "1 / (app.n - app.n)"])}
    if step["kind"] == "python" and tape.often(10):
        step["with"]["args"] = {"x": tape.pick(["${app.n}", "${app.nothing}", "${attempt}"])}
    return step


def _book(tape):
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
    if tape.often(25):
        step["validate"] = [{"name": "good", "rule": "output.good"}]
    return step


# ------------------------------------------------------------------ the world


@dataclass
class Effect:
    """One effect in the world; `lands_at` may lie ahead, `gone` once it was undone."""

    id: int
    step: str
    key: str
    lands_at: object
    gone: bool = False


class World:
    """What really happened. The judge believes this ledger and nothing that the engine says."""

    def __init__(self, saga):
        self.saga, self.effects, self.first_call, self.most = saga, [], {}, 0

    def of(self, step, now):
        """Return the effects of a step that are there now."""
        return [x for x in self.effects if x.step == step and not x.gone and x.lands_at <= now]

    def coming(self, step):
        return [x for x in self.effects if x.step == step and not x.gone]

    def land(self, step, key, now, at):
        """Let a call take effect at a moment; a target that honours the key makes no second one."""
        ttl = self.saga.steps[step].key_ttl_s or 0
        known = [x for x in self.effects if x.step == step and x.key == key]
        if known and now < self.first_call[key] + timedelta(seconds=ttl):
            known[-1].lands_at = min(known[-1].lands_at, at)
            return known[-1]
        effect = Effect(len(self.effects) + 1, step, key, at)
        self.effects.append(effect)
        return effect

    def undo(self, step, request, now):
        """Undo what the request names; return whether there was anything."""
        args = request["args"]
        found = [
            x for x in self.of(step, now) if args.get("id", x.id) == x.id and args.get("key", x.key) == x.key
        ]
        for effect in found:
            effect.gone = True
        return bool(found)


# ------------------------------------------------------------------ the story


class Story:
    """One run of one saga to its end: calls answered, crashes, commands, then people who help."""

    def __init__(self, saga, tape):
        self.saga, self.tape, self.world = saga, tape, World(saga)
        self.run, self.shadow, self.log, self.now = Run(saga), Run(saga), [], T0
        self.intents, self.told, self.by_hand, self.left = {}, [], set(), set()
        self.turns, self.helped, self.landed = 0, {}, {}

    def play(self):
        """Run to the end, checking on the way; return self for the judge."""
        self.send(c.Start(run_id="r", input={}, by="ann"))
        while not self.run.is_closed:
            assert self.turns < MAX_TURNS, f"no end in sight\n{self.tell()}"
            self.move()
        return self

    def move(self):
        if self.tape.used_up:
            self.help()
            return
        match self.tape.below(16):
            case 0 | 1 | 2 | 3 | 4 | 5 | 6 if self.run.open_calls:
                self.answer(self.tape.pick(list(self.run.open_calls)))
            case 10 | 11 | 12 | 13:
                self.meddle()
            case 14:
                self.crash()
            case 15:
                self.now += timedelta(seconds=self.tape.pick([0.5, 3, 10, 40]))
                self.send(c.Advance())
            case _:
                self.advance()

    def advance(self):
        moment = wake_at(self.run)
        if moment is not None:
            self.now = max(self.now, moment)
            self.send(c.Advance())
        elif self.run.open_calls:
            self.answer(self.tape.pick(list(self.run.open_calls)))
        else:
            self.meddle()

    def send(self, command):
        """Apply a command; check what must hold after each."""
        self.turns += 1
        self.told.append((self.now, command))
        try:
            new = turn(self.run, command, self.now)
        except CommandRejected:
            assert self.shadow == self.run, f"refused, and yet changed: {command!r}"
            return False
        except Exception as error:
            error.add_note(self.tell())
            raise
        for recorded in new:
            self.log.append(recorded)
            evolve(self.shadow, e.RECORDED.validate_json(e.RECORDED.dump_json(recorded)))
            if recorded.event.type == "attempt_intended":
                intent = recorded.event
                self.intents[intent.step, intent.phase, intent.attempt] = (intent, self.now)
                self.world.first_call.setdefault(intent.key, self.now)
        assert self.shadow == self.run, f"the log says something else (L8) after {command!r}\n{self.tell()}"
        moment = wake_at(self.run)
        assert moment is None or moment > self.now, f"a timer that is due and does nothing\n{self.tell()}"
        return True

    # -- calls

    def answer(self, call):
        """Let the world answer an open call, well or badly."""
        name, phase, number = call
        intent, _ = self.intents[call]
        self.now += timedelta(seconds=self.tape.pick([0.1, 0, 1, 4]))
        outcome = self.tape.pick(
            ["ok", "ok", "ok", "failed", "landed", "lost", "rejected", "ok", "failed", "ok"]
        )
        if self.now > intent.deadline:
            outcome = self.tape.pick(["lost", "landed"])  # whoever calls gives up at the deadline
        report = {"step": name, "phase": phase, "attempt": number}
        if outcome in {"failed", "rejected"}:
            self.send(c.Report(**report, outcome=outcome, error=outcome, retryable=not self.tape.often(10)))
        elif outcome == "lost":
            self.send(c.Report(**report, outcome="unknown", error="timeout"))
        else:
            answer = self.act(intent, late=outcome == "landed")
            if outcome == "landed":
                self.send(c.Report(**report, outcome="unknown", error="timeout"))
            else:
                self.send(c.Report(**report, outcome="ok", **answer))

    def act(self, intent, *, late=False, at=None):
        """Do in the world what the call asks for; return what an answer would say."""
        step = self.saga.steps[intent.step]
        if intent.phase in {"undo", "late"}:
            return {"empty": not self.world.undo(intent.step, intent.request, self.now), "output": {"fee": 1}}
        if intent.phase == "probe":
            found = self.world.of(intent.step, self.now)
            return {"empty": not found, "output": {"found": bool(found), "id": found[0].id if found else 0,
                                                   "good": True}}  # fmt: skip
        output = {"good": not self.tape.often(15), "branch": "left"}
        if step.kind == "route":
            held = [row["to"] for row in intent.request["rules"] if row["held"]]
            output["branch"] = held[0] if held else intent.request["default"]
        if effect_of(step) != "readonly":
            call = (intent.step, intent.phase, intent.attempt)
            arrives = min(self.now, intent.deadline)
            at = at or arrives
            if late and self.tape.often(60):
                at = intent.deadline + timedelta(seconds=step.settle_s * 0.99)
            if call not in self.landed:
                self.landed[call] = self.world.land(intent.step, intent.key, arrives, at)
            effect = self.landed[call]
            effect.lands_at = min(effect.lands_at, at)
            output["id"] = effect.id
        return {"output": output}

    def crash(self):
        """Kill the engine: open calls may or may not have arrived; then recover from the log alone."""
        for call in list(self.run.open_calls):
            if self.tape.often(50):
                self.act(self.intents[call][0], late=True)
        self.run = replay(self.saga, self.log)
        assert missing(self.run, self.now) == [], f"a whole turn lacks something\n{self.tell()}"
        self.send(c.Recover())

    def take_over(self, log):
        """Begin from a log that somebody else wrote, in a world of which nothing else is known."""
        self.log, self.now = list(log), log[-1].at
        self.run, self.shadow = replay(self.saga, log), replay(self.saga, log)
        for recorded in log:
            if recorded.event.type == "attempt_intended":
                intent = recorded.event
                self.intents[intent.step, intent.phase, intent.attempt] = (intent, recorded.at)
                self.world.first_call.setdefault(intent.key, recorded.at)

    # -- people

    def meddle(self):
        """Send a random command, sensible or not."""
        name = self.tape.pick(list(self.saga.steps))
        make = self.tape.pick([
            self.decide, self.decide, self.deny, self.cancel, self.pause, self.try_now, self.skip, self.resolve,
            self.mark_done, self.disrupt, self.choose, self.echo, self.decide,
        ])  # fmt: skip
        make(name)

    def decide(self, name):
        open_ = [s.id for s in self.run.steps.values() if s.approval and s.approval.status == "open"]
        name = self.tape.pick(open_) if open_ and self.tape.below(4) else name
        self.send(c.Decide(step=name, decision="approved", by=self.tape.pick(["bob", "cid", "ann"])))

    def deny(self, name):
        self.send(c.Decide(step=name, decision="denied", by="bob"))

    def cancel(self, _name):
        self.send(c.Cancel(by="bob"))

    def pause(self, _name):
        self.send(c.Resume() if self.run.paused else c.Pause())

    def try_now(self, name):
        self.send(c.TryNow(step=name, by="bob"))

    def skip(self, name):
        status, asked = self.run.steps[name].status, self.run.attention.get(name)
        if self.send(c.Skip(step=name, reason="no need", by="bob")) and (
            status in {"failed", "comp_failed"} or (asked and asked.kind == "late_success")
        ):
            self.left.add(name)

    def resolve(self, name):
        """Say truly whether it landed."""
        found = self.world.coming(name)
        output = {"id": found[0].id, "good": True} if found else None
        self.send(c.Resolve(step=name, landed=bool(found), output=output, reason="looked", by="bob"))

    def mark_done(self, name):
        step = self.run.steps[name]
        asked = self.run.attention.get(name)
        if asked and asked.kind == "late_success":
            late = step.late.output["id"]
            if self.send(c.MarkDone(step=name, reason="by hand", by="bob")):
                for effect in self.world.effects:
                    effect.gone = effect.gone or effect.id == late
            return
        undoing, key = step.status == "comp_failed", step.attempts[0].intent.key if step.attempts else "hand"
        found = self.world.coming(name)
        output = {"id": found[0].id if found else len(self.world.effects) + 1, "good": True}
        if not self.send(c.MarkDone(step=name, reason="by hand", output=output, by="bob")):
            return
        if undoing:
            for effect in found:
                effect.gone = True
        elif effect_of(self.saga.steps[name]) != "readonly" and not found:
            self.world.effects.append(Effect(output["id"], name, key, self.now))

    def disrupt(self, name):
        self.send(c.Disrupt(step=name, injection="fail", by="bob"))

    def choose(self, _name):
        self.send(c.ChooseDirection(direction=self.tape.pick(["undo", "forward"]), by="bob"))

    def echo(self, _name):
        """Report a call a second time: only one that was given up may answer late, and then it really landed."""
        done = [call for call in self.intents if call not in self.run.open_calls]
        if not done:
            return
        name, phase, number = call = self.tape.pick(done)
        attempt = self.run.steps[name].calls(phase)[number - 1]
        answer = {}
        if attempt.outcome == "unknown" and not attempt.landed and phase in {"forward", "undo"}:
            answer = self.act(self.intents[call][0], at=self.now)
        took = self.send(c.Report(step=name, phase=phase, attempt=number, outcome="ok", **answer))
        assert not took or attempt.outcome == "unknown", "one result per attempt"

    def help(self):
        """Do the next sensible thing: answer, decide, resume, retry; that must bring every run to its end (L1)."""
        if self.run.paused:
            self.send(c.Resume())
        elif self.run.open_calls:
            self.answer(next(iter(self.run.open_calls)))
        elif self.run.direction_asked:
            self.send(c.ChooseDirection(direction="undo", by="bob"))
        elif self.run.attention:
            self.attend()
        elif any(s.approval and s.approval.status == "open" for s in self.run.steps.values()):
            self.approve_all()
        else:
            moment = wake_at(self.run)
            assert moment is not None, f"nobody can do anything\n{self.tell()}"
            self.now = moment
            self.send(c.Advance())

    def approve_all(self):
        for step in self.run.steps.values():
            for person in ("dan", "eve", "fay"):
                if step.approval and step.approval.status == "open":
                    self.send(c.Decide(step=step.id, decision="approved", by=person))

    def attend(self):
        """Answer what needs a person; after some tries, settle it by hand."""
        name, asked = next(iter(self.run.attention.items()))
        before = len(self.log)
        if asked.kind == "unknown_outcome":
            self.now += timedelta(seconds=60)
            self.resolve(name)
        elif self.helped.setdefault(name, 0) < 2:
            self.now += timedelta(seconds=60)
            self.helped[name] += 1
            self.try_now(name)
        if len(self.log) == before:
            self.mark_done(name)
        assert len(self.log) > before, f"no way to answer {asked!r}\n{self.tell()}"

    def tell(self):
        """Return the whole story for a failing example."""
        lines = [self.saga.canonical]
        lines += [f"  {(at - T0).total_seconds():8.1f} {command!r}"[:230] for at, command in self.told[-30:]]
        lines += [f"  {r.seq:3} {(r.at - T0).total_seconds():8.1f} {r.event!r}"[:230] for r in self.log[-40:]]
        lines += [f"  run: {self.run.status} { ({s.id: s.status for s in self.run.steps.values()}) }"]
        return "\n".join(lines)
