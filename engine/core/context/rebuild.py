"""A context once more, from the log alone: after a crash, a rollback or years, byte for byte what was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.core.attempts import request_of
from engine.core.context.tokens import ESTIMATE, Pinned, TokenCounter
from engine.core.events import ApprovalRequested, AttemptIntended, Recorded
from engine.core.evolve import replay
from engine.core.panel import check_request
from engine.core.run import Run
from engine.core.saga import Saga
from engine.core.verify import find_placed

Json = Any


def rebuild(
    saga: Saga, history: Sequence[Recorded], seq: int, counter: TokenCounter = ESTIMATE
) -> dict[str, Json] | None:
    """Return the context of the model call whose intent is event `seq`, or None where it had none.

    The `counter` must know the tokenizer by which the recorded one was counted.

    Raises:
        ValueError: if that event is no intent of a step or a validator.
    """
    intent = history[seq - 1].event
    if not isinstance(intent, AttemptIntended) or intent.phase not in {"forward", "check"}:
        raise ValueError(f"event {seq} announces no call of a step or validator, so nothing was shown for it")
    recorded = intent.request.get("context") if isinstance(intent.request, dict) else None
    if recorded is None:
        return None
    run = replay(saga, history[: _made_at(history, intent, seq) - 1])
    run.count = Pinned(counter, recorded["tokenizer"])
    found: dict[str, Json] | None = _request(run, intent).get("context")
    return found


def _made_at(history: Sequence[Recorded], intent: AttemptIntended, seq: int) -> int:
    """Return the event before which the request was made: a retry sends again what people approved."""
    if intent.phase == "check" or intent.attempt == 1:
        return seq
    for recorded in reversed(history[: seq - 1]):
        match recorded.event:
            case ApprovalRequested(step=intent.step, request_hash=intent.request_hash):
                return recorded.seq
    return seq


def _request(run: Run, intent: AttemptIntended) -> Json:
    step = run.step(intent.step)
    if intent.phase == "forward":
        return request_of(run, step)
    where = find_placed(run, step, intent.validator)
    assert where is not None
    return check_request(run, step, where)
