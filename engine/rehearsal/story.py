"""One run of the pure core to its end: calls answered, crashes, meddling; then calm, and people who help.

Every fact is written down as JSON the moment it is made, and a shadow run is folded from those lines:
what is judged, and what a crash leaves behind, is what a database would have kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.core import commands as c
from engine.core.decide import turn
from engine.core.errors import CommandRejected
from engine.core.events import RECORDED, AttemptIntended, Phase, Recorded
from engine.core.evolve import evolve, replay
from engine.core.mend import missing
from engine.core.run import Run
from engine.core.saga import Saga
from engine.core.schedule import wake_at
from engine.rehearsal.people import AUTHOR, STARTER, People, Told
from engine.rehearsal.tape import Tape
from engine.rehearsal.verdict import Violation, expect
from engine.rehearsal.world import NEVER_SENT, Answer, Weather, World

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MAX_TURNS = 900
CallId = tuple[str, Phase, int]


@dataclass(frozen=True, slots=True)
class Turn:
    """One transaction of a story, and the world as it was once it was stored.

    Attributes:
        seqs: the places of its events in the log: all behind the first, up to the second.
    """

    command: c.Command
    at: datetime
    seqs: tuple[int, int]
    world: World


class Story:
    """A run, its world and its people, driven by one tape.

    Attributes:
        lines: the log as JSON, each line written when its event was made.
        turns: the transactions, kept only where `keeps_turns`.
        checked: how often each law had something to judge on the way.
    """

    def __init__(
        self, saga: Saga, tape: Tape, weather: Weather | None = None, *, keeps_turns: bool = False
    ) -> None:
        self.saga, self.tape = saga, tape
        self.world = World(saga, weather or Weather())
        self.people = People(self)
        self.run, self.shadow = Run(saga), Run(saga)
        self.now, self.log, self.lines = T0, list[Recorded](), list[bytes]()
        self.intents: dict[CallId, AttemptIntended] = {}
        self.told: list[Told] = []
        self.turns: list[Turn] = []
        self.checked: Counter[str] = Counter()
        self.crashes, self._keeps_turns, self._torn, self._sent = 0, keeps_turns, False, 0

    @classmethod
    def after_cut(cls, origin: Story, cut: Turn, seq: int, tape: Tape, *, keeps_turns: bool = False) -> Story:
        """Return the story that goes on from the first `seq` events of another, whose engine then died."""
        story = cls(origin.saga, tape, origin.world.weather, keeps_turns=keeps_turns)
        story.world, story.now = cut.world.copy(), cut.at
        story.lines, story._torn = origin.lines[:seq], seq < cut.seqs[1]
        story.told = [told for told in origin.told if told.seq < seq]
        story.log = _read(story.lines)
        for recorded in story.log:
            story._remember(recorded)
        return story

    def play(self) -> Story:
        """Run to the end, checking on the way; return self for the judge.

        Raises:
            Violation: of a law that is checked on the way.
        """
        if not self.log:
            self.send(c.Start(run_id="r", input={}, by=STARTER, author=AUTHOR))
        else:
            self.crash(torn=self._torn)
        while not self.run.is_closed:
            expect(self._sent < MAX_TURNS, "L01", f"no end in sight after {MAX_TURNS} turns")
            self.move()
            self._hear_from_the_overdue()
        self.checked["L01"] += 1
        return self

    def move(self) -> None:
        """Let the next thing happen: what the tape says, or, once it is used up, what is sensible."""
        if self.tape.used_up:
            self.calm()
            return
        match self.tape.below(16):
            case 0 | 1 | 2 | 3 | 4 | 5 | 6 if self.run.open_calls:
                self.answer(self.tape.pick(list(self.run.open_calls)))
            case 10 | 11 | 12:
                self.people.meddle()
            case 13:
                self.echo()
            case 14:
                self.crash()
            case 15:
                self.let_pass(self.tape.pick([0.5, 3, 10, 40, -20, 4000]))  # a clock may jump (L31)
                self.send(c.Advance())
            case _:
                self.advance()

    def calm(self) -> None:
        """Do the next sensible thing; that must bring every run to its end (L1)."""
        if self.people.help():
            return
        if self.run.open_calls:
            self.answer(next(iter(self.run.open_calls)))
            return
        moment = wake_at(self.run)
        if moment is None:
            raise Violation("L01", "nobody can do anything")
        self.now = max(self.now, moment)
        self.send(c.Advance())

    def advance(self) -> None:
        """Go to the next moment that the run waits for; where there is none, something else happens."""
        moment = wake_at(self.run)
        if moment is not None:
            self.now = max(self.now, moment)
            self.send(c.Advance())
        elif self.run.open_calls:
            self.answer(self.tape.pick(list(self.run.open_calls)))
        else:
            self.people.meddle()

    def _hear_from_the_overdue(self) -> None:
        """Let what landed later than promised answer, as long as the run is open."""
        for at, intent in list(self.world.overdue):
            if at <= self.now and not self.run.is_closed:
                self.world.overdue.remove((at, intent))
                self.late_answer(intent)

    def let_pass(self, seconds: float) -> None:
        """Move the engine's clock."""
        self.now += timedelta(seconds=seconds)

    def send(self, command: c.Command, by_hand: Callable[[], None] | None = None) -> bool:
        """Apply a command and return whether it was taken; checks what must hold after each.

        Raises:
            Violation: if the log does not give the live run (L8), a refusal left a trace (L25), the core
                broke, or a timer is due and does nothing (L1).
        """
        self._sent += 1
        self.world.passes(self.now)
        self.told.append(Told(self.now, self.run.seq, command))
        first = self.run.seq
        try:
            new = turn(self.run, command, self.now)
        except CommandRejected as refused:
            self.told[-1].refused = str(refused)
            self.checked["L25"] += 1
            expect(self.shadow == self.run, "L25", f"refused, and yet changed: {command!r}")
            return False
        except Exception as error:
            raise Violation("L01", f"the core broke on {command!r}: {error!r}") from error
        for recorded in new:
            self._remember(recorded)
            self.lines.append(RECORDED.dump_json(recorded))
            self.log.append(recorded)
            self.world.learn(recorded.event)
            evolve(self.shadow, RECORDED.validate_json(self.lines[-1]))
        self.world.know(self.run.saga)
        if by_hand is not None:
            by_hand()
        if self._keeps_turns and new:
            self.turns.append(Turn(command, self.now, (first, self.run.seq), self.world.copy()))
        self._check_rest(command)
        return True

    def _check_rest(self, command: c.Command) -> None:
        self.checked["L08"] += 1
        expect(self.shadow == self.run, "L08", f"the log says something else than the run after {command!r}")
        moment = wake_at(self.run)
        expect(moment is None or moment > self.now, "L01", f"the timer of {moment} is due and does nothing")

    def _remember(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, AttemptIntended):
            self.intents[event.step, event.phase, event.attempt] = event
            self.world.begun(event.key, recorded.at)

    def answer(self, call: CallId) -> None:
        """Let the world answer an open call, well or badly."""
        intent = self.intents[call]
        self.let_pass(self.tape.pick([0.1, 0, 1, 4]) + intent.delay_s)
        said = self.world.call(intent, self.now, intent.deadline, self.tape)
        self._report(call, said)

    def _report(self, call: CallId, said: Answer) -> bool:
        step, phase, attempt = call
        report = c.Report(
            step=step, phase=phase, attempt=attempt, outcome=said.outcome, output=said.output,
            error=said.error, code=said.code, retryable=said.retryable, empty=said.empty,
            meta=said.meta,
        )  # fmt: skip
        return self.send(report)

    def echo(self) -> None:
        """Report a call a second time: only one that was given up may still answer, and then it landed (L13)."""
        done = [call for call in self.intents if call not in self.run.open_calls]
        if not done:
            return
        name, phase, number = call = self.tape.pick(done)
        present = self.run.steps.get(name)
        epochs = (*self.run.past.get(name, ()), *([present] if present is not None else []))
        attempt = next((found for epoch in epochs if (found := epoch.call(phase, number)) is not None), None)
        unknown = attempt is not None and attempt.lost
        open_ = unknown and phase in {"forward", "undo"}
        if open_ and not self.world.weather.late_answers:
            return
        taken = self.late_answer(self.intents[call]) if open_ else self._report(call, Answer("ok"))
        self.checked["L13"] += 1
        expect(open_ or not taken, "L13", f"{phase} attempt {number} of '{name}' took a second result")

    def late_answer(self, intent: AttemptIntended) -> bool:
        """Let a call that was given up answer after all."""
        said = self.world.answer_late(intent, self.now, self.tape)
        return self._report((intent.step, intent.phase, intent.attempt), said)

    def crash(self, *, torn: bool = False) -> None:
        """Kill the engine: open calls may or may not have arrived; then recover from the log alone.

        A log that is `torn` ends inside of a turn, where no store leaves it.
        """
        self.crashes += 1
        kept = _read(self.lines)
        stored = replay(self.saga, kept)
        for call in stored.open_calls:
            intent = self.intents[call]
            if self.tape.often(50) and intent.injection not in NEVER_SENT:
                self.world.act_unseen(intent, self.now, intent.deadline, self.tape)
        if not torn:
            self.checked["L09"] += 1
            expect(missing(stored, self.now) == [], "L09", "a whole turn lacks something")
        self.run, self.shadow = stored, replay(self.saga, kept)
        self.send(c.Recover())


def _read(lines: Sequence[bytes]) -> list[Recorded]:
    return [RECORDED.validate_json(line) for line in lines]
