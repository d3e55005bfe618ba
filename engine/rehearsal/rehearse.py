"""One rehearsal of one saga, named by a token: told, judged, and told again from the token alone.

A token is `seed.index.kind`, with the places of the cuts behind a crash; `tapes.SAGA.PLAY` holds two
tapes in hex instead. Kinds: `core` (the pure core), `cut` (that story, killed behind some event),
`stage` (the real runtime), `twins` (laws between two stories).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from engine.core.errors import SagaError
from engine.core.saga import Saga
from engine.rehearsal import crashes, laws_affected, twins
from engine.rehearsal.checker import judge
from engine.rehearsal.evidence import Evidence
from engine.rehearsal.sagas import random_saga, saga_at
from engine.rehearsal.stage import Stage
from engine.rehearsal.story import Story
from engine.rehearsal.tape import Tape, chance
from engine.rehearsal.verdict import Violation
from engine.rehearsal.world import Weather

PLAY_BYTES = (90, 16, 90, 40)
"""How long the trouble of a story lasts, by its index: short ones reach completion more often."""
CULPRITS_BYTES = 80
KEPT = 4
"""So many violations of each law are told; all of them are counted."""
Place = tuple[int, int]
"""A seed and an index: they name a saga and the tape of its story."""


@dataclass
class Findings:
    """What came of some rehearsals.

    Attributes:
        endings: how many runs ended how.
        stories: for each law, in how many runs it had something to judge.
        judged: for each law, how many things it judged.
        broken: how often each law was broken.
        violations: the first of these, each a law, its token and what was wrong.
        wedges: for cuts inside a turn, how many broke a law, by where the cut was.
    """

    sagas: int = 0
    runs: int = 0
    staged: int = 0
    events: int = 0
    crashes: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    stories: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[str, str, str]] = field(default_factory=list)
    wedges: Counter[str] = field(default_factory=Counter)

    def add(self, other: Findings) -> None:
        """Add what came of other rehearsals."""
        for name in ("sagas", "runs", "staged", "events", "crashes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("endings", "stories", "judged", "broken", "wedges"):
            getattr(self, name).update(getattr(other, name))
        for found in other.violations:
            self._keep(*found)

    def note(self, law: str, token: str, what: str) -> None:
        """Add a law that a story broke."""
        self.broken[law] += 1
        self._keep(law, token, what)

    def _keep(self, law: str, token: str, what: str) -> None:
        if sum(1 for kept, *_ in self.violations if kept == law) < KEPT:
            self.violations.append((law, token, what))
            self.violations.sort()

    def count(self, run: Story | Stage, *laws: str) -> None:
        """Judge a finished run and count it; `laws` are those that this run as a whole stands for.

        Raises:
            Violation: of the first law that does not hold.
        """
        seen = evidence(run)
        judged = judge(seen) + run.checked + Counter(laws)
        self.runs += 1
        self.staged += isinstance(run, Stage)
        self.events += len(seen.log)
        self.crashes += run.crashes
        self.endings[seen.ending] += 1
        self.judged.update(judged)
        self.stories.update(judged.keys())


def evidence(run: Story | Stage) -> Evidence:
    """Return what the laws may look at."""
    return Evidence(run.run.saga, run.saga, run.log, run.lines, run.world, run.now)


def story_at(place: Place, weather: Weather, *, keeps_turns: bool = False) -> Story:
    """Return the story of a place, not yet told."""
    size = PLAY_BYTES[place[1] % len(PLAY_BYTES)]
    tape = Tape(chance("play", *place).randbytes(size))
    return Story(saga_at(*place), tape, weather, keeps_turns=keeps_turns)


def stage_at(place: Place, weather: Weather) -> Stage:
    """Return the staged story of a place, not yet told."""
    size = PLAY_BYTES[place[1] % len(PLAY_BYTES)]
    return Stage(saga_at(*place), Tape(chance("stage", *place).randbytes(size)), weather)


def check_twins(place: Place) -> Counter[str]:
    """Return what the laws between two stories had to judge.

    Raises:
        Violation: of one that does not hold.
    """
    saga, order = saga_at(*place), chance("order", *place).randbytes(20)
    culprits = Tape(chance("culprits", *place).randbytes(CULPRITS_BYTES))
    return Counter(
        L18=laws_affected.L18_the_affected_set_is_monotone_and_idempotent(saga, culprits),
        L26=twins.L26_a_definition_survives_export_and_import(saga),
        L27=twins.L27_any_order_of_answers_gives_the_same_outputs(saga, order),
        L28=twins.L28_an_unrelated_readonly_step_changes_nothing_for_others(saga),
    )


def story_of(token: str, weather: Weather) -> Story | Stage | None:
    """Return the story that a token names, not yet told; for a cut, what came before is; None for twins.

    Raises:
        SagaError: for a token that names nothing.
    """
    first, _, rest = token.partition(".")
    try:
        if first == "tapes":
            saga_tape, _, play_tape = rest.partition(".")
            return Story(_saga_of(bytes.fromhex(saga_tape)), Tape(bytes.fromhex(play_tape)), weather)
        index, kind, *cut = rest.split(".")
        place = (int(first), int(index))
        match kind:
            case "core":
                return story_at(place, weather)
            case "stage":
                return stage_at(place, weather)
            case "twins":
                return None
            case "cut" if cut:
                return _cut_story(place, weather, [int(seq) for seq in cut])
    except (ValueError, StopIteration):
        pass
    raise SagaError(f"'{token}' names no story; take the token from the line that a simulation printed")


def _saga_of(tape: bytes) -> Saga:
    saga = random_saga(Tape(tape))
    if saga is None:
        raise SagaError("this tape draws a saga that can't be published; nothing runs")
    return saga


def _cut_story(place: Place, weather: Weather, cut: list[int]) -> Story:
    story = story_at(place, weather, keeps_turns=True)
    for depth, seq in enumerate(cut):
        try:
            story.play()
        except Violation:
            if not story.turns:
                raise SagaError("the story breaks before the cut") from None
        story = crashes.after(story, seq, (*place, *cut[:depth]), keeps_turns=True)
    return story


def replay_token(token: str, weather: Weather) -> tuple[Story | Stage | None, Violation | None]:
    """Return the story that a token names, told to its end or to the law that it broke.

    Raises:
        SagaError: for a token that names nothing.
    """
    story = story_of(token, weather)
    try:
        if story is None:
            seed, index, _ = token.split(".")
            check_twins((int(seed), int(index)))
        else:
            Findings().count(story.play())
    except Violation as violation:
        return story, violation
    return story, None
