"""What really happened: a world that keeps a ledger of effects and answers calls well or badly.

The laws believe this ledger and nothing that the engine says.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from engine.core.composites import COMPOSITES
from engine.core.events import AttemptIntended, Event, FramesOpened, Outcome
from engine.core.saga import Saga, bodies_of, effect_of
from engine.rehearsal.sagas_replanned import proposal
from engine.rehearsal.tape import Tape

Json = Any
ANSWERS = ("ok", "ok", "ok", "failed", "landed", "lost", "rejected", "ok", "failed", "ok")
"""What may come of a call; `landed` and `lost` give no answer, and only one of them took effect."""
UNDO_MOODS = ("moody", "moody", "moody", "fails_once", "fails_for_ever", "never_answers")
PROBE_MOODS = ("moody", "moody", "moody", "down")

NEVER_SENT = frozenset({"fail", "refuse", "down"})
"""Planted faults with which no call is made."""

PUNCTUAL = 0.99
"""The share of the settle window after which a late effect lands: in time, but only just."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Troubles that can be turned on and off, beyond the everyday ones.

    Attributes:
        late_answers: a call that was given up may answer after all, as long as the run is open.
        broken_promises: an effect may land after its deadline and settle window, against the definition.
    """

    late_answers: bool = True
    broken_promises: bool = False


@dataclass(slots=True)
class Effect:
    """One effect in the world; `lands_at` may lie ahead, `undone_by` holds the key of each reversal."""

    id: int
    step: str
    key: str
    asked_at: datetime
    lands_at: datetime
    gone_at: datetime | None = None
    undone_by: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call comes back with; `unknown` stands for no answer at all."""

    outcome: Outcome
    output: Json = None
    error: str = ""
    code: str = ""
    retryable: bool = True
    empty: bool = False
    meta: Json = field(default_factory=dict)


class World:
    """The ledger, and how each target is disposed. Its clock is the engine's, but what landed stays landed."""

    def __init__(self, saga: Saga, weather: Weather) -> None:
        self.saga, self.weather = saga, weather
        self.steps = dict(saga.steps)
        self.effects: list[Effect] = []
        self._first_call: dict[str, datetime] = {}
        self._moods: dict[tuple[str, str], str] = {}
        self._calls: Counter[tuple[str, str]] = Counter()
        self._made: dict[tuple[str, int], int] = {}
        self._told: dict[int, Json] = {}
        self._composed = any(step.kind in COMPOSITES for step in saga.steps.values())
        self.overdue: list[tuple[datetime, AttemptIntended]] = []
        self._latest: datetime | None = None

    def copy(self) -> World:
        """Return the world as it is now; what happens later in one changes nothing in the other."""
        twin = World(self.saga, self.weather)
        twin.steps = dict(self.steps)
        twin.effects = [replace(x, undone_by=list(x.undone_by)) for x in self.effects]
        twin._first_call, twin._moods = dict(self._first_call), dict(self._moods)
        twin._calls, twin._made, twin._latest = self._calls.copy(), dict(self._made), self._latest
        twin.overdue, twin._told = list(self.overdue), dict(self._told)
        return twin

    def know(self, saga: Saga) -> None:
        """Learn of the steps of an amended plan."""
        self.steps |= saga.steps

    def learn(self, event: Event) -> None:
        """Learn of the steps inside a composite step, as they are made."""
        if isinstance(event, FramesOpened):
            bodies = bodies_of(self.steps[event.step])
            for frame in event.frames:
                prefix = f"{event.step}.{frame.name}" if frame.name else event.step
                self.steps |= {f"{prefix}.{name}": step for name, step in bodies[frame.body].steps.items()}

    def of(self, step: str, now: datetime) -> list[Effect]:
        """Return the effects of a step that are there at a moment."""
        now = self.passes(now)
        return [
            x
            for x in self.effects
            if x.step == step and x.lands_at <= now and (x.gone_at is None or x.gone_at > now)
        ]

    def passes(self, now: datetime) -> datetime:
        """Let time pass, never back; return the world's own time."""
        self._latest = max(now, self._latest or now)
        return self._latest

    def given_up(self, step: str, now: datetime) -> None:
        """Let whoever called a step stop waiting now: what is under way lands within the settle window."""
        if self.weather.broken_promises or step not in self.steps:
            return
        latest = now + timedelta(seconds=self.steps[step].settle_s * PUNCTUAL)
        for effect in self.effects:
            if effect.step == step:
                effect.lands_at = min(effect.lands_at, latest)
                effect.gone_at = effect.gone_at and min(effect.gone_at, latest)

    def coming(self, step: str) -> list[Effect]:
        """Return the effects of a step that are there or will still land, and that nobody undoes."""
        return [x for x in self.effects if x.step == step and x.gone_at is None]

    def begun(self, key: str, now: datetime) -> None:
        """Let a target count the life of a key from here on, if it has not begun."""
        self._first_call.setdefault(key, now)

    def by_hand(self, step: str, key: str, now: datetime) -> None:
        """Let a person do by hand what a step would have done."""
        self._new(step, key, now, now)

    def call(self, intent: AttemptIntended, now: datetime, until: datetime, tape: Tape) -> Answer:
        """Let a call arrive now, and return its answer; whoever calls gives up at `until`."""
        step = self.steps.get(intent.step)
        manner = self._manner(intent, tape)
        if intent.injection in NEVER_SENT:
            refused: Outcome = "rejected" if intent.injection == "refuse" else "failed"
            return Answer(refused, error="a planted failure; no call was made", code="planted")
        if now > until and manner not in {"lost", "landed"}:
            manner = tape.pick(["lost", "landed"])
        if intent.injection == "timeout_but_land":
            manner = "landed"
        if manner in {"failed", "rejected"}:
            outcome: Outcome = "failed" if manner == "failed" else "rejected"
            return Answer(outcome, error=manner, retryable=not tape.often(10))
        readonly = step is None or (intent.phase == "forward" and effect_of(step) == "readonly")
        surely_none = intent.phase == "check" or readonly
        silence = Answer("failed" if surely_none else "unknown", error="no answer", code="timeout")
        if intent.injection == "land_late" and not surely_none:
            self.act(intent, now, until, tape, until + timedelta(seconds=intent.delay_s))
            return silence
        if manner == "lost" or intent.injection == "land_late":
            return silence
        if manner == "landed":
            self.act_unseen(intent, now, until, tape)
            return silence
        said = self.act(intent, now, until, tape)
        return replace(said, output=intent.spoilt) if intent.injection == "garbage" else said

    def _manner(self, intent: AttemptIntended, tape: Tape) -> str:
        """Return how this call goes, by the mood that its target is in for the whole story."""
        place = (intent.step, intent.phase)
        self._calls[place] += 1
        if intent.phase == "forward":
            return tape.pick(ANSWERS)
        moods = PROBE_MOODS if intent.phase in {"probe", "check", "plan"} else UNDO_MOODS
        mood = self._moods.get(place) or self._moods.setdefault(place, tape.pick(moods))
        if mood == "moody":
            return tape.pick(ANSWERS)
        if mood == "fails_once":
            return "failed" if self._calls[place] == 1 else "ok"
        return tape.pick(["landed", "lost"]) if mood == "never_answers" else "failed"

    def act_unseen(self, intent: AttemptIntended, now: datetime, until: datetime, tape: Tape) -> None:
        """Do what a call asks for where nobody waits for the answer any more: at once, or late."""
        late = tape.often(60) and intent.phase != "plan"
        self.act(intent, now, until, tape, self._landing(intent, until, tape) if late else None)

    def act(
        self, intent: AttemptIntended, now: datetime, until: datetime, tape: Tape, at: datetime | None = None
    ) -> Answer:
        """Do what a call asks for; it arrives now, or at the deadline, and lands then or at another moment."""
        if intent.phase == "plan":
            return Answer("ok", proposal(intent, list(self.steps), tape), meta={"tokens": tape.below(12)})
        step = self.steps[intent.step]
        now = min(now, until)
        at = at or now
        if intent.phase == "check":
            return self._vote(tape)
        if intent.phase in {"undo", "late"}:
            return Answer("ok", {"fee": 1}, empty=not self._undo(intent, now, at))
        if intent.phase == "probe":
            found = self.of(intent.step, now)
            seen = {"found": bool(found), "id": found[0].id if found else 0, "good": True}
            return Answer("ok", seen, empty=not found)
        output: dict[str, Json] = {"good": not tape.often(15), "branch": "left"}
        if step.kind == "route":
            held = [row["to"] for row in intent.request["rules"] if row["held"]]
            output["branch"] = held[0] if held else intent.request["default"]
        if self._composed:
            output |= {"score": tape.below(10), "items": list(range(tape.below(6)))}
        if step.kind == "llm" and step.output is not None:
            output = _choice(step.output, tape)
        if effect_of(step) != "readonly":
            number = self._land(intent, now, at).id
            output = self._told.setdefault(number, output | {"id": number})  # one effect, one answer
        return Answer("ok", output, meta={"tokens": tape.below(12)})

    def _vote(self, tape: Tape) -> Answer:
        """Return what a validator that is asked says, or stammers."""
        if tape.often(10):
            return Answer("ok", tape.pick([None, {"accept": "perhaps"}, "yes"]))
        vote = {
            "accept": not tape.often(15),
            "evidence": "seen",
            "add": tape.pick([None, {"more": 2}, {"good": True}]),
        }
        return Answer("ok", vote, meta={"tokens": tape.below(4)})

    def answer_late(self, intent: AttemptIntended, now: datetime, tape: Tape) -> Answer:
        """Return the answer of a call that was given up: it arrived in time, and has landed by now."""
        return self.act(intent, now, intent.deadline, tape, now)

    def _landing(self, intent: AttemptIntended, until: datetime, tape: Tape) -> datetime:
        """Return when a late effect lands: within the settle window, unless promises are broken."""
        step = self.steps[intent.step]
        window = step.settle_s * PUNCTUAL
        if self.weather.broken_promises and tape.often(30):
            window = step.settle_s + 5 + tape.below(100)
            if intent.phase == "forward" and effect_of(step) != "readonly":
                self.overdue.append((until + timedelta(seconds=window), intent))
        return until + timedelta(seconds=window)

    def _land(self, intent: AttemptIntended, now: datetime, at: datetime) -> Effect:
        """Let a call take effect at a moment; a target that honours the key makes no second one."""
        self.begun(intent.key, now)
        ttl = self.steps[intent.step].key_ttl_s or 0
        until = self._first_call[intent.key] + timedelta(seconds=ttl)
        same = [x.id for x in self.effects if x.key == intent.key and max(x.asked_at, now) < until]
        call = (intent.key, intent.attempt)
        if call not in self._made:
            self._made[call] = same[-1] if same else self._new(intent.step, intent.key, now, at).id
        effect = self.effects[self._made[call] - 1]
        effect.lands_at = min(effect.lands_at, at)
        return effect

    def _new(self, step: str, key: str, now: datetime, at: datetime) -> Effect:
        self.effects.append(Effect(len(self.effects) + 1, step, key, now, at))
        return self.effects[-1]

    def _undo(self, intent: AttemptIntended, now: datetime, at: datetime) -> bool:
        """Undo what the request names; return whether there was anything."""
        args = intent.request["args"]
        here = self.of(intent.step, now)
        for effect in here:
            named = args.get("id", effect.id) == effect.id and args.get("key", effect.key) == effect.key
            if not named:
                continue
            effect.gone_at = min(effect.gone_at or at, at)
            if intent.key not in effect.undone_by:
                effect.undone_by.append(intent.key)
        return any(effect.gone_at is not None for effect in here)


def _choice(schema: Json, tape: Tape) -> dict[str, Json]:
    """Return what a model says that may call tools: mostly one that there is, with arguments that may fit."""
    tools = [name for name in schema["properties"]["tool"]["enum"] if name != "answer"]
    said = {"tool": tape.pick(["answer", *tools, *tools, *(["rm"] if tools else [])])}
    if tape.often(90) and said["tool"] != "answer":
        said["arguments"] = tape.pick([{"q": 1}, {}, {"q": "x"}])
    return said | ({} if tape.often(10) and tools else {"answer": "done"})
