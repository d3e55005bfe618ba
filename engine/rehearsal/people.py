"""The people around a run: some meddle at random, and in the end someone does the next sensible thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from engine.core import commands as c
from engine.core.events import HelpNeeded
from engine.core.run import Run
from engine.core.saga import Saga, effect_of
from engine.rehearsal.disrupting import disrupt_run
from engine.rehearsal.tape import Tape
from engine.rehearsal.verdict import expect
from engine.rehearsal.world import Effect, World

Json = Any
STARTER, AUTHOR = "ann", "ida"
PATIENCE = 2
"""How often a person tries again before settling a step by hand."""


@dataclass(slots=True)
class Told:
    """A command, the moment and the place in the log at which it came, and why it was refused, if it was."""

    at: datetime
    seq: int
    command: c.Command
    refused: str = ""


class Scene(Protocol):
    """What people see of a run, and how they reach it."""

    saga: Saga
    tape: Tape
    told: list[Told]
    world: World
    checked: Counter[str]

    @property
    def run(self) -> Run:
        """The run as a page shows it."""
        ...

    @property
    def now(self) -> datetime:
        """The engine's clock."""
        ...

    def send(self, command: c.Command, by_hand: Callable[[], None] | None = None) -> bool:
        """Send a command; return whether it was taken. What was done `by_hand` is done only then."""
        ...

    def let_pass(self, seconds: float) -> None:
        """Let time pass before the next act."""
        ...


class People:
    """Operators and approvers, in and out of turn."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._helped: Counter[str] = Counter()

    # Out of turn

    def meddle(self) -> None:
        """Send a random command, sensible or not."""
        name = self.scene.tape.pick(list(self.scene.run.steps))
        act = self.scene.tape.pick([
            self.decide, self.decide, self.deny, self.cancel, self.pause, self.try_now, self.skip, self.resolve,
            self.mark_done, self.disrupt, self.choose, self.race, self.decide, self.abandon, self.edit,
            self.signal, self.grant_limit, self.grant_locks, self.give_verdict, self.restore, self.mark_stale, self.choose_repair, self.amend,
        ])  # fmt: skip
        act(name)

    def decide(self, name: str) -> None:
        """Say yes to an open question, or to what nobody asked."""
        open_ = self._open_questions()
        tape = self.scene.tape
        name = tape.pick(open_) if open_ and tape.below(4) else name
        by = tape.pick(["bob", "cid", "ann", AUTHOR])
        self.scene.send(c.Decide(step=name, decision="approved", by=by))

    def deny(self, name: str) -> None:
        """Say no."""
        self.scene.send(c.Decide(step=name, decision="denied", by="bob"))

    def race(self, name: str) -> None:
        """Let several people decide at the same moment: one decision, clear refusals (L15)."""
        name = self.scene.tape.pick(self._open_questions() or [name])
        answer = self.scene.tape.pick(["approved", "denied"])
        if name not in self._open_questions():
            return
        approval = self.scene.run.steps[name].approval
        assert approval is not None
        quorum, seen = approval.request.quorum, approval.request.request_hash
        said = (("bob", answer), ("ida", "approved"), ("dan", "approved"), ("eve", "denied"))
        decisions = [
            {"step": name, "decision": d, "by": by, "request_hash": seen, "question": approval.seq}
            for by, d in said
        ]
        taken = sum(self.scene.send(c.Decide.model_validate(decision)) for decision in decisions)
        self.scene.checked["L15"] += 1
        expect(taken <= quorum, "L15", f"{taken} answers to '{name}' were taken, where {quorum} decide")

    def cancel(self, _name: str) -> None:
        """Cancel, sometimes twice in a row; the second time changes nothing (L33)."""
        if not self.scene.send(c.Cancel(by="bob")) or not self.scene.tape.often(50):
            return
        before = self.scene.run.seq
        status = self.scene.run.status
        self.scene.send(c.Cancel(by="bob"))
        self.scene.checked["L33"] += 1
        run = self.scene.run
        expect(
            run.seq <= before + 1 and run.status == status,
            "L33",
            "a second cancel did more than leave a note",
        )

    def pause(self, _name: str) -> None:
        """Pause, or go on."""
        self.scene.send(c.Resume(by="bob") if self.scene.run.paused else c.Pause(by="bob"))

    def try_now(self, name: str) -> None:
        """Ask for the next try at once."""
        self.scene.send(c.TryNow(step=name, by="bob"))

    def edit(self, name: str) -> None:
        """Try a failed undo again with a request of one's own."""
        step = self.scene.run.steps[name]
        if step.attempts:
            request = {"function": "undo", "args": {"key": step.attempts[0].intent.key}}
            self.scene.send(c.TryNow(step=name, request=request, reason="edited", by="bob"))

    def skip(self, name: str) -> None:
        """Go on without a step."""
        self.scene.send(c.Skip(step=name, reason="no need", by="bob"))

    def resolve(self, name: str) -> None:
        """Say truly whether it landed; an effect that came late and is one too many is not what is asked for."""
        found = self._not_late(name, self.scene.world.of(name, self.scene.now))
        output = {"id": found[0].id, "good": True} if found else None
        self.scene.send(c.Resolve(step=name, landed=bool(found), output=output, reason="looked", by="bob"))

    def _not_late(self, name: str, effects: list[Effect]) -> list[Effect]:
        late = self._late(name)
        return [effect for effect in effects if effect.id not in late]

    def _late(self, name: str) -> list[int]:
        """Return which effects of a step are one too many."""
        return [_number(each.output) for each in self.scene.run.steps[name].lates]

    def mark_done(self, name: str) -> None:
        """Do by hand what failed, forward or back, and say so."""
        step = self.scene.run.steps[name]
        asked = self.scene.run.attention.get(name)
        if asked is not None and asked.kind == "late_success":
            number = _number(step.late.output) if step.late else 0
            there = self.scene.world.coming(name)
            dropped = any(
                name.startswith(f"{f.id}.") and f.status == "dropped" for f in self.scene.run.frames.values()
            )
            counts = (
                len(there) == 1 and step.status == "committed" and not dropped
            )  # who looks sees only one: it is the one
            self._say_done(name, None, [x for x in there if x.id == number and not counts])
            return
        found = self._not_late(name, self.scene.world.coming(name))
        output = {"id": found[0].id if found else len(self.scene.world.effects) + 1, "good": True}
        self._say_done(name, output, found if step.status == "comp_failed" else None)

    def _say_done(self, name: str, output: Json, undone: list[Effect] | None) -> None:
        """Say that it is done; with that it is: those effects are gone, or the step's own is there."""
        world, step = self.scene.world, self.scene.run.steps[name]
        key = step.attempts[0].intent.key if step.attempts else "hand"
        acts, late = effect_of(step.definition) != "readonly", self._late(name)

        def by_hand() -> None:
            for effect in undone or ():
                if effect.gone_at is None:
                    effect.gone_at = self.scene.now
                    effect.undone_by.append("hand")
            there = [x for x in world.coming(name) if x.id not in late]
            if undone is None and acts and not there:
                world.by_hand(name, key, self.scene.now)

        self.scene.send(c.MarkDone(step=name, reason="by hand", output=output, by="bob"), by_hand)

    def disrupt(self, name: str) -> None:
        """Let something happen from outside: to a call, to the world, to what is asked of the run."""
        disrupt_run(self.scene, name)

    def choose(self, _name: str) -> None:
        """Choose a direction."""
        way = self.scene.tape.pick(["undo", "forward"])
        self.scene.send(c.ChooseDirection.model_validate({"direction": way, "by": "bob"}))

    def abandon(self, _name: str) -> None:
        """Give the run up, once in a while."""
        if self.scene.tape.often(20):
            self.scene.send(c.Abandon(reason="enough", by="root"))

    def grant_limit(self, _name: str) -> None:
        """Let the run go on past a limit."""
        self.scene.send(c.GrantLimit(reason="go on", by="bob"))

    def signal(self, _name: str) -> None:
        """Send news, wanted or not, now and then twice; the second time changes nothing (L29)."""
        tape = self.scene.tape
        news = c.Signal(
            id=f"s{tape.below(5)}", name="news", key=tape.pick(["", "k1", "k2"]), payload=tape.pick([{"good": True}, {}]), by="bob",
        )  # fmt: skip
        if not self.scene.send(news):
            return
        before = self.scene.run.seq
        self.scene.checked["L29"] += 1
        self.scene.send(news)  # nobody may take it any more: the run may have ended, and not be stored yet
        fine = self.scene.run.seq == before and not self.scene.told[-1].refused
        expect(fine or self.scene.run.is_closed, "L29", "a signal counted twice")

    def grant_locks(self, name: str) -> None:
        """Let a step have what it waits for, as whoever keeps the locks would."""
        waiting = [step.id for step in self.scene.run.steps.values() if step.status == "awaiting_locks"]
        self.scene.send(c.GrantLocks(step=self.scene.tape.pick(waiting or [name])))

    def give_verdict(self, name: str) -> None:
        """Decide about an output in a validator's place, asked or not."""
        tape = self.scene.tape
        asked = [step for step, help_ in self.scene.run.attention.items() if help_.kind == "verdict"]
        word = {"step": tape.pick(asked or [name]), "decision": tape.pick(["accept", "augment", "reject"])}
        self.scene.send(c.GiveVerdict.model_validate({**word, "reason": "seen", "by": "bob"}))

    def restore(self, _name: str) -> None:
        """Set the state back to some moment."""
        self.scene.send(c.RestoreApp(seq=1 + self.scene.tape.below(40), reason="as it was", by="bob"))

    def mark_stale(self, name: str) -> None:
        """Say that what a step relied on has changed."""
        self.scene.send(c.MarkStale(steps=(name,), reason="it changed", by="bob"))

    def choose_repair(self, name: str) -> None:
        """Choose a repair, of what failed or of what is named."""
        culprits, replan = self.scene.tape.pick([(), (), (name,)]), self.scene.tape.often(30)
        self.scene.send(c.ChooseDirection(direction="repair", culprits=culprits, replan=replan, by="bob"))

    def amend(self, name: str) -> None:
        """Plan the rest anew: a step more, one less, or one that is looked at differently."""
        run, tape, name = self.scene.run, self.scene.tape, name.split(".", maxsplit=1)[0]
        document = run.saga.document()
        steps = document["steps"] = dict(document["steps"])
        match tape.below(3):
            case 0:
                steps[f"m{len(steps)}"] = {
                    "kind": "python", "with": {"function": "read"}, "needs": [name]
                }  # fmt: skip
            case 1:
                steps.pop(name)
                steps |= {other: _without(step, name) for other, step in steps.items()}
            case _:
                steps[name] = {**steps[name], "when": tape.pick(["run.by == 'ann'", "run.by != 'ann'"])}
        self.scene.send(c.Amend(document=document, reason="another plan", by="bob"))

    def _open_questions(self) -> list[str]:
        return [s.id for s in self.scene.run.steps.values() if s.approval and s.approval.status == "open"]

    # In turn

    def help(self) -> bool:
        """Do the next sensible thing that only a person can; return whether there was one (L1)."""
        run = self.scene.run
        if run.paused:
            self.scene.send(c.Resume(by="bob"))
        elif run.repair is None and any(step.status == "awaiting_locks" for step in run.steps.values()):
            self.grant_locks("")
        elif run.open_calls:
            return False
        elif run.limit is not None and run.fault is None:
            self.grant_limit("")
        elif run.direction_asked:
            self.scene.send(c.ChooseDirection(direction="undo", by="bob"))
        elif run.attention:
            self._attend(*next(iter(run.attention.items())))
        elif self._open_questions():
            self._approve_all()
        else:
            heard = run.direction == "forward" and run.fault is None
            return heard and self._tell_the_news()
        return True

    def _tell_the_news(self) -> bool:
        """Send what a step waits for that would wait for ever; return whether there was one."""
        waits = (
            step
            for step in self.scene.run.steps.values()
            if step.status == "waiting" and step.due is None and step.awaits is not None
        )
        step = next(waits, None)
        if step is None or step.awaits is None:
            return False
        name, key = step.awaits
        told = c.Signal(id=f"n{self.scene.run.seq}", name=name, key=key, payload={"good": True}, by="bob")
        return self.scene.send(told)

    def _approve_all(self) -> None:
        for name in self._open_questions():
            for person in ("dan", "eve", "fay"):
                if name in self._open_questions():
                    self.scene.send(c.Decide(step=name, decision="approved", by=person))

    def _attend(self, name: str, asked: HelpNeeded) -> None:
        """Answer what needs a person; after some tries, settle it by hand."""
        before = self.scene.run.seq
        if asked.kind == "verdict":
            if not self.scene.send(c.GiveVerdict(step=name, decision="augment", reason="seen", by="bob")):
                self.scene.send(c.GiveVerdict(step=name, decision="accept", reason="seen", by="bob"))
        elif asked.kind == "replan" and self._helped[name] >= PATIENCE:
            self.scene.send(c.Amend(document=self.scene.run.saga.document(), reason="as it was", by="bob"))
        elif asked.kind == "unknown_outcome":
            self.scene.let_pass(60)
            self.resolve(name)
        elif self._helped[name] < PATIENCE:
            self.scene.let_pass(60)
            self._helped[name] += 1
            self.try_now(name)
        if self.scene.run.seq == before:
            self.mark_done(name)
        expect(self.scene.run.seq > before, "L01", f"no way to answer {asked!r}")


def _without(step: dict[str, Json], name: str) -> dict[str, Json]:
    """Return a step that no longer waits for another one; a condition in words stays, and the plan is refused."""
    needs = step.get("needs", ())
    return step if isinstance(needs, str) else {**step, "needs": [other for other in needs if other != name]}


def _number(output: Json) -> int:
    """Return which effect an output speaks of; 0 where it does not say."""
    return int(output.get("id", 0)) if isinstance(output, dict) else 0
