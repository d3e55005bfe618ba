"""Killing the engine at every boundary of a story's log, and at every pair of boundaries of small ones."""

from __future__ import annotations

from collections.abc import Iterator

from engine.rehearsal.story import Story, Turn
from engine.rehearsal.tape import Tape, chance

SMALL = 16
"""A story with at most so many boundaries is cut at every pair of them (L10)."""
TROUBLE_BYTES = 24


def cuts(story: Story, *, inside: bool) -> Iterator[int]:
    """Yield the places at which a log can be cut: the ends of its turns, or, `inside`, all other places."""
    ends = {turn.seqs[1] for turn in story.turns}
    for seq in range(story.turns[0].seqs[0] + 1, len(story.log)):
        if (seq not in ends) is inside:
            yield seq


def after(story: Story, seq: int, place: tuple[object, ...], *, keeps_turns: bool = False) -> Story:
    """Return the story that follows a crash behind event `seq`; every other one goes on in trouble."""
    bytes_ = chance("cut", *place, seq)
    tape = Tape(bytes_.randbytes(TROUBLE_BYTES * bytes_.randrange(2)))
    return Story.after_cut(story, turn_at(story, seq), seq, tape, keeps_turns=keeps_turns)


def turn_at(story: Story, seq: int) -> Turn:
    """Return the turn that recorded an event."""
    return next(turn for turn in story.turns if turn.seqs[0] < seq <= turn.seqs[1])


def class_of(story: Story, seq: int) -> str:
    """Return what kind of cut it is: the command of the turn, the last event kept and the first one lost."""
    command = turn_at(story, seq).command
    kept, lost = (story.log[index].event.type for index in (seq - 1, seq))
    return f"{getattr(command, 'type', '')}: {kept} | {lost}"
