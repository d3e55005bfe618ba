"""Laws of a definition, and between two stories of it: any order of answers (L27), a bystander (L28)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.document import saga_from_document
from engine.core.saga import Saga, Step, bodies_of
from engine.rehearsal.story import Story
from engine.rehearsal.tape import Tape
from engine.rehearsal.verdict import expect

BYSTANDER = {"kind": "wait", "with": {"duration_s": 0}}
NO_LIMIT = 250


class Calm(Story):
    """A story in which all goes well, and the calls end in the order that the picks say."""

    def __init__(self, saga: Saga, picks: bytes = b"") -> None:
        super().__init__(saga, Tape(b""))
        self._order = Tape(picks)

    def calm(self) -> None:
        """Answer an open call, or do the next sensible thing."""
        if self.run.open_calls and not self.run.paused:
            self.answer(self._order.pick(list(self.run.open_calls)))
        else:
            super().calm()


def _inside(step: Step) -> Iterator[Step]:
    for body in bodies_of(step).values():
        for one in body.steps.values():
            yield one
            yield from _inside(one)


def is_free_of_order(saga: Saga) -> bool:
    """Return whether nothing in a saga may depend on what ends first."""
    steps = [*saga.steps.values(), *(inner for step in saga.steps.values() for inner in _inside(step))]
    quiet = all(not step.writes and step.approval is None for step in steps)
    return quiet and not any(
        sign in each.source for each in saga.graph.conditions.values() for sign in ("||", "!")
    )


def L26_a_definition_survives_export_and_import(saga: Saga) -> int:
    """The document gives the same version again, in any order of its keys."""
    document = saga.document()
    turned = {key: document[key] for key in reversed(document)}
    expect(saga_from_document(turned).hash == saga.hash, "L26", "import(export(x)) is another version")
    return 1


def L27_any_order_of_answers_gives_the_same_outputs(saga: Saga, order: bytes) -> int:
    """A saga in which all goes well commits the same steps whatever call ends first."""
    if not is_free_of_order(saga):
        return 0
    straight = Calm(saga).play()
    if straight.run.status != "completed":
        return 0
    mixed = Calm(saga, order).play()
    expect(_ends(mixed) == _ends(straight), "L27", f"{_ends(mixed)} instead of {_ends(straight)}")
    expect(mixed.run.output == straight.run.output, "L27", "another output in another order")
    return 1


def L28_an_unrelated_readonly_step_changes_nothing_for_others(saga: Saga) -> int:
    """A step that nobody needs leaves all others as they were.

    Steps that share a limit are not unrelated: places for calls, and what the run may spend (R10), are lifted.
    """
    document = {**saga.document(), "parallel": NO_LIMIT, "budget": None}
    wider = {**document, "steps": {**document["steps"], "bystander": BYSTANDER}}
    plain, more = (Story(saga_from_document(each), Tape(b"")).play() for each in (document, wider))
    ends = _ends(more)
    ends.pop("bystander")
    expect(ends == _ends(plain), "L28", f"with a bystander {ends} instead of {_ends(plain)}")
    expect(more.run.app == plain.run.app, "L28", "with a bystander the state is another one")
    return 1


def _ends(story: Story) -> dict[str, str]:
    return {"run": story.run.status} | {step.id: step.status for step in story.run.steps.values()}
