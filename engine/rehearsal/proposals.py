"""Proposals for a problem in words: drafted with one model, one for each approach, each tried before it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from engine.core.saga import Saga
from engine.llm_port import Llm
from engine.planning.words.drafting import ROUNDS, Drafter, Drafting, Round
from engine.planning.words.problem import Approach, Words
from engine.planning.words.tools import known_tools
from engine.planning.words.trial import Trial
from engine.rehearsal.trial import tried
from engine.steps.python import FUNCTIONS

Told = Callable[[Approach, Round], None]


def proposals(
    llm: Llm,
    model: str,
    words: Words,
    approaches: Sequence[Approach],
    *,
    rounds: int = ROUNDS,
    told: Told | None = None,
) -> list[Drafting]:
    """Return a proposal for each approach; `told` hears of each round as it ends. Blocks until all are there."""

    async def all_of_them() -> list[Drafting]:
        found = []
        for approach in approaches:
            drafter = _drafter(llm, model, approach, told)
            found.append(await drafter.draft(words.model_copy(update={"approach": approach}), rounds))
        return found

    return asyncio.run(all_of_them())


def revised(
    llm: Llm, before: Drafting, comment: str, *, rounds: int = ROUNDS, told: Told | None = None
) -> Drafting:
    """Return a proposal changed as a person asked. Blocks until it is there."""
    drafter = _drafter(llm, before.model, before.words.approach, told)
    return asyncio.run(drafter.revise(before, comment, rounds))


def _drafter(llm: Llm, model: str, approach: Approach, told: Told | None) -> Drafter:
    def on_round(done: Round) -> None:
        if told is not None:
            told(approach, done)

    return Drafter(llm, model, known_tools(FUNCTIONS), _try, on_round)


async def _try(saga: Saga) -> Trial:
    return await asyncio.to_thread(tried, saga)
